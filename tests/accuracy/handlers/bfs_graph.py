"""Breadth-first search on a random graph of adjacency lists."""

import random
from collections import deque


def build_graph(vertices, degree, seed):
    rng = random.Random(seed)
    graph = {v: [] for v in range(vertices)}
    for v in range(vertices):
        for _ in range(degree):
            graph[v].append(rng.randrange(vertices))
    return graph


def bfs(graph, source):
    distance = {source: 0}
    queue = deque([source])
    while queue:
        v = queue.popleft()
        for w in graph[v]:
            if w not in distance:
                distance[w] = distance[v] + 1
                queue.append(w)
    return distance


def handler(event, context):
    vertices = int(event["vertices"])
    degree = int(event.get("degree", 4))
    graph = build_graph(vertices, degree, event.get("seed", 7))
    distance = bfs(graph, 0)
    return {"reached": len(distance), "eccentricity": max(distance.values())}
