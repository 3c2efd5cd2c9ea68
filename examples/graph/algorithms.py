"""The algorithms, by name. Each takes a graph and options and gives something that JSON can hold."""

import os

_REGISTRY = {}


def register(name):
    def decorate(function):
        _REGISTRY[name] = function
        return function

    return decorate


def find(name):
    try:
        return _REGISTRY[name]
    except KeyError:
        raise ValueError(f"no algorithm {name!r}; known are {', '.join(sorted(_REGISTRY))}") from None


@register("mst")
def spanning_tree(graph, options):
    weights = None
    if options.get("weighted"):
        weights = [float((edge.source * 31 + edge.target * 17) % 97 + 1) for edge in graph.es]
    tree = graph.spanning_tree(weights, False)
    cost = sum(weights[edge] for edge in tree) if weights else len(tree)
    return {"edges": len(tree), "cost": cost}


@register("pagerank")
def pagerank(graph, options):
    ranks = graph.pagerank(damping=options.get("damping", 0.85))
    top = sorted(range(len(ranks)), key=ranks.__getitem__, reverse=True)[: options.get("top", 10)]
    return {"top": [{"vertex": vertex, "rank": ranks[vertex]} for vertex in top], "sum": sum(ranks)}


@register("bfs")
def breadth_first(graph, options):
    order, layers, parents = graph.bfs(options.get("root", 0))
    return {"reached": len(order), "depth": len(layers) - 2, "last": order[-1]}


@register("components")
def components_of_slice(graph, options):
    """Removes the hubs and counts what is left in pieces."""
    share = options.get("remove", 0.01)
    count = max(1, int(graph.vcount() * share))
    degrees = graph.degree()
    hubs = sorted(range(len(degrees)), key=lambda vertex: degrees[vertex], reverse=True)[:count]
    rest = graph.copy()
    rest.delete_vertices(hubs)
    sizes = rest.connected_components().sizes()
    histogram = {}
    for size in sizes:
        histogram[size] = histogram.get(size, 0) + 1
    return {"pieces": len(sizes), "largest": max(sizes, default=0), "kinds": len(histogram)}


@register("betweenness")
def betweenness(graph, options):
    """The same question in pure Python: networkx needs many times the memory of igraph."""
    import networkx

    if graph.vcount() > int(os.environ.get("MAX_NETWORKX_VERTICES", "5000")):
        raise ValueError("too many vertices for networkx")
    twin = networkx.Graph()
    twin.add_nodes_from(range(graph.vcount()))
    twin.add_edges_from(graph.get_edgelist())
    sample = min(options.get("sample", 20), twin.number_of_nodes())
    central = networkx.betweenness_centrality(twin, k=sample, seed=options.get("seed", 1))
    best = max(central, key=central.get)
    return {"vertex": best, "score": central[best], "neighbours": len(twin[best])}
