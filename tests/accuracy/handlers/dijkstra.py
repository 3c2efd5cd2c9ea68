"""Shortest paths on a grid of roads with a heap."""

import heapq
import json


def neighbours(width, height):
    graph = {}
    for y in range(height):
        for x in range(width):
            edges = []
            if x + 1 < width:
                edges.append(((x + 1, y), 1 + (x * 31 + y * 17) % 9))
            if y + 1 < height:
                edges.append(((x, y + 1), 1 + (x * 13 + y * 7) % 9))
            graph[(x, y)] = edges
    return graph


def dijkstra(graph, start):
    best = {start: 0}
    heap = [(0, start)]
    while heap:
        cost, node = heapq.heappop(heap)
        if cost > best[node]:
            continue
        for target, weight in graph[node]:
            candidate = cost + weight
            if target not in best or candidate < best[target]:
                best[target] = candidate
                heapq.heappush(heap, (candidate, target))
    return best


def lambda_handler(event, context):
    side = int(event["side"])
    graph = neighbours(side, side)
    best = dijkstra(graph, (0, 0))
    return {"statusCode": 200, "body": json.dumps({"nodes": len(graph), "cost": best[(side - 1, side - 1)]})}
