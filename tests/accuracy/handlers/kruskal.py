"""A minimum spanning tree by Kruskal, with union-find."""

import random


class UnionFind:
    def __init__(self, size):
        self.parent = list(range(size))
        self.rank = [0] * size

    def find(self, item):
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.rank[a] < self.rank[b]:
            a, b = b, a
        self.parent[b] = a
        if self.rank[a] == self.rank[b]:
            self.rank[a] += 1
        return True


def handler(event, context):
    vertices = event["vertices"]
    edge_count = event["edges"]
    rng = random.Random(event.get("seed", 1))
    edges = [(rng.random(), rng.randrange(vertices), rng.randrange(vertices)) for _ in range(edge_count)]
    edges.sort()
    sets = UnionFind(vertices)
    tree = []
    for weight, a, b in edges:
        if sets.union(a, b):
            tree.append((a, b, weight))
    return {"edges": len(tree), "weight": sum(edge[2] for edge in tree)}
