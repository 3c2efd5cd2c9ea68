"""Ranks the nodes of the event's edges."""

import networkx as nx


def handler(event, context):
    graph = nx.Graph()
    graph.add_edges_from(event["edges"])
    ranks = nx.pagerank(graph)
    best = sorted(ranks, key=ranks.get, reverse=True)[:10]
    return {"nodes": graph.number_of_nodes(), "best": best}
