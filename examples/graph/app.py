"""Runs a graph algorithm on a random scale-free graph of the size that the event asks for."""

import datetime
import os
import random

import algorithms
import igraph

MAX_VERTICES = int(os.environ.get("MAX_VERTICES", "2000000"))


def milliseconds(begin, end):
    return (end - begin) / datetime.timedelta(milliseconds=1)


def lambda_handler(event, context):
    size = int(event.get("size", 1000))
    degree = event.get("degree", 10)
    if size < 1 or size > MAX_VERTICES:
        raise ValueError(f"size {size} is not in 1..{MAX_VERTICES}")
    algorithm = algorithms.find(event.get("algorithm", "mst"))
    if "seed" in event:
        random.seed(event["seed"])

    start = datetime.datetime.now()
    graph = igraph.Graph.Barabasi(size, degree)
    built = datetime.datetime.now()
    result = algorithm(graph, event.get("options", {}))
    finished = datetime.datetime.now()

    return {
        "vertices": graph.vcount(),
        "edges": graph.ecount(),
        "result": result,
        "measurement": {
            "build_ms": milliseconds(start, built),
            "compute_ms": milliseconds(built, finished),
        },
    }
