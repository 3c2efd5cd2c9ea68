"""Distances in a random graph."""

import networkx as nx


def handler(event, context):
    n = event["nodes"]
    graph = nx.barabasi_albert_graph(n, 4, seed=1)
    distances = nx.single_source_shortest_path_length(graph, 0)
    return {"farthest": max(distances.values()), "clustering": nx.density(graph)}
