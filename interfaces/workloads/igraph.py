"""igraph: graphs by numbers of vertices and edges."""

import igraph
from meminterface_workloads import call, kind, sizes, workload

kind(igraph.Graph, "igraph.Graph", vertices=lambda g: g.vcount(), edges=lambda g: g.ecount())

N, D = sizes(500, 40_000, edges=(1,)), sizes(2, 12, edges=())


def graph(rng, vertices, degree, directed=False):
    igraph.set_random_number_generator(rng)
    return igraph.Graph.Erdos_Renyi(n=vertices, m=min(vertices * degree, vertices * (vertices - 1) // 2), directed=directed)


def method(name, *args, vertices=N, degree=D, directed=False, **kwargs):
    def _(rng, vertices, degree):
        return call(getattr(graph(rng, vertices, degree, directed), name), *args, **kwargs)

    workload(f"igraph.Graph.{name}", vertices=vertices, degree=degree)(_)


for name in ("pagerank", "degree", "coreness", "copy", "get_edgelist", "get_adjlist", "transitivity_local_undirected",
             "eigenvector_centrality", "connected_components", "is_connected", "spanning_tree", "strength", "clusters",
             "community_label_propagation", "articulation_points", "is_bipartite", "knn", "constraint"):
    method(name)
method("simplify")
method("community_multilevel")
method("hub_score", directed=True)
method("distances", 0)
method("get_shortest_paths", 0, vertices=sizes(200, 12_000, edges=(1,)))
method("bfs", 0)
method("subgraph", range(10))
method("get_adjacency", vertices=sizes(60, 1200, edges=(1,)))
method("get_adjacency_sparse")
method("betweenness", vertices=sizes(100, 2500, edges=(1,)))
method("closeness", vertices=sizes(100, 2500, edges=(1,)))
method("to_directed")
method("linegraph", vertices=sizes(200, 8000, edges=()), degree=sizes(2, 8))


def maker(name, make, **axes):
    workload(f"igraph.Graph.{name}", **axes)(make)


@workload("igraph.Graph.Barabasi", n=sizes(500, 40_000, edges=(1,)), m=sizes(2, 12, edges=()), parameters=["n", "m=1", "**kwargs"])
def _(rng, n, m):
    igraph.set_random_number_generator(rng)
    return call(igraph.Graph.Barabasi, n, m)


@workload("igraph.Graph.Erdos_Renyi", n=N, degree=D, parameters=["n", "p=None", "m=None", "**kwargs"])
def _(rng, n, degree):
    igraph.set_random_number_generator(rng)
    return call(igraph.Graph.Erdos_Renyi, n=n, m=min(n * degree, n * (n - 1) // 2))


for name in ("Ring", "Star"):
    workload(f"igraph.Graph.{name}", n=sizes(1000, 600_000, edges=(1,)), parameters=["n", "**kwargs"])(
        lambda rng, n, f=getattr(igraph.Graph, name): call(f, n))
workload("igraph.Graph.Full", n=sizes(40, 1000, edges=(1,)), parameters=["n", "**kwargs"])(
    lambda rng, n: call(igraph.Graph.Full, n))
workload("igraph.Graph.Tree", n=sizes(1000, 600_000, edges=(1,)), parameters=["n", "children=2", "**kwargs"])(
    lambda rng, n: call(igraph.Graph.Tree, n, 3))


@workload("igraph.Graph", n=N, degree=D, parameters=["n=0", "edges=None", "**kwargs"])
def _(rng, n, degree):
    return call(igraph.Graph, n, [(rng.randrange(n), rng.randrange(n)) for _ in range(n * degree)])


@workload("igraph.Graph.add_edges", n=N, degree=D, parameters=["es", "attributes=None"])
def _(rng, n, degree):
    return call(igraph.Graph(n).add_edges, [(rng.randrange(n), rng.randrange(n)) for _ in range(n * degree)])
