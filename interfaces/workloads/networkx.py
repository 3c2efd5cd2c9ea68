"""networkx: graphs by numbers of nodes and edges. Random graphs, as G(n, m), of four and more edges a node: nearly all in one piece."""

import networkx as nx
from meminterface_workloads import call, kind, sizes, workload

kind(nx.DiGraph, "networkx.DiGraph", nodes=nx.number_of_nodes, edges=nx.number_of_edges)
kind(lambda x: type(x) is nx.Graph, "networkx.Graph", nodes=nx.number_of_nodes, edges=nx.number_of_edges)

N, D = sizes(100, 5000, edges=(1,)), sizes(2, 12, edges=(0,))
SMALL = sizes(60, 1200, edges=(1,))


def graph(rng, nodes, degree, **weights):
    made = nx.gnm_random_graph(nodes, min(nodes * degree, nodes * (nodes - 1) // 2), seed=rng)
    if weights:
        for _, _, data in made.edges(data=True):
            data["weight"] = rng.random()
    return made


def joined(rng, nodes, degree, **weights):
    """A graph in one piece."""
    made = graph(rng, nodes, degree, **weights)
    nx.add_path(made, range(nodes))
    return made


def directed(rng, nodes, degree):
    return nx.gnm_random_graph(nodes, min(nodes * degree, nodes * (nodes - 1)), seed=rng, directed=True)


def on_graph(name, make=graph, nodes=N, degree=D, more=lambda rng, n: ((), {}), **options):
    function = getattr(nx, name)

    def _(rng, nodes, degree):
        args, kwargs = more(rng, nodes)
        return call(function, make(rng, nodes, degree), *args, **kwargs)

    workload(f"networkx.{name}", nodes=nodes, degree=degree, **options)(_)


@workload("networkx.gnm_random_graph", nodes=N, degree=D)
def _(rng, nodes, degree):
    return call(nx.gnm_random_graph, nodes, nodes * degree, seed=rng.getrandbits(30))


@workload("networkx.barabasi_albert_graph", nodes=sizes(100, 5000, edges=()), m=sizes(2, 12, edges=()))
def _(rng, nodes, m):
    return call(nx.barabasi_albert_graph, nodes, m, seed=rng.getrandbits(30))


@workload("networkx.watts_strogatz_graph", nodes=sizes(100, 5000, edges=()), k=sizes(2, 16, edges=()))
def _(rng, nodes, k):
    return call(nx.watts_strogatz_graph, nodes, k, 0.1, seed=rng.getrandbits(30))


for name in ("path_graph", "cycle_graph", "star_graph", "empty_graph"):
    workload(f"networkx.{name}", n=sizes(200, 40_000, edges=(1,)))(lambda rng, n, f=getattr(nx, name): call(f, n))
workload("networkx.complete_graph", n=sizes(20, 350))(lambda rng, n: call(nx.complete_graph, n))


@workload("networkx.grid_2d_graph", m=sizes(10, 120, edges=()), n=sizes(10, 120, edges=()))
def _(rng, m, n):
    return call(nx.grid_2d_graph, m, n)


@workload("networkx.from_edgelist", nodes=N, degree=D)
def _(rng, nodes, degree):
    return call(nx.from_edgelist, [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(nodes * degree)])


@workload("networkx.Graph.add_edges_from", nodes=N, degree=D)
def _(rng, nodes, degree):
    return call(nx.Graph().add_edges_from, [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(nodes * degree)])


for name in ("pagerank", "degree_centrality", "core_number", "greedy_color", "triangles", "clustering", "density",
             "number_connected_components", "is_connected", "average_neighbor_degree", "transitivity", "is_bipartite",
             "maximal_independent_set", "is_forest"):
    on_graph(name, make=joined if name == "is_connected" else graph)
for name in ("minimum_spanning_tree", "maximum_spanning_tree"):
    on_graph(name, make=lambda rng, n, d: graph(rng, n, d, weights=True))
on_graph("node_connected_component",
         more=lambda rng, n: ((0,), {}))
for name in ("single_source_shortest_path_length", "single_source_dijkstra_path_length", "bfs_tree", "dfs_tree"):
    on_graph(name, make=joined, more=lambda rng, n: ((0,), {}))
on_graph("shortest_path", make=joined, more=lambda rng, n: ((0, n - 1), {}))
on_graph("single_source_shortest_path", make=joined, more=lambda rng, n: ((0,), {}), nodes=sizes(60, 1500, edges=(1,)))
on_graph("betweenness_centrality", nodes=sizes(30, 250, edges=()), degree=sizes(2, 8))
on_graph("closeness_centrality", nodes=sizes(30, 400, edges=()), degree=sizes(2, 8))
on_graph("to_numpy_array", nodes=SMALL)
on_graph("to_scipy_sparse_array")
on_graph("to_dict_of_lists")
on_graph("adjacency_matrix")
on_graph("floyd_warshall_numpy", nodes=sizes(60, 700, edges=()))
on_graph("node_link_data")
on_graph("to_edgelist")
on_graph("complement", nodes=sizes(40, 350, edges=()))
on_graph("line_graph", nodes=sizes(60, 1200, edges=()), degree=sizes(2, 6))
on_graph("convert_node_labels_to_integers")
on_graph("is_directed_acyclic_graph", make=directed)
on_graph("number_strongly_connected_components", make=directed)
on_graph("condensation", make=directed)
on_graph("hits", make=directed, nodes=sizes(100, 3000, edges=()))


for name in ("copy", "to_directed"):
    workload(f"networkx.Graph.{name}", nodes=N, degree=D)(
        lambda rng, nodes, degree, name=name: call(getattr(graph(rng, nodes, degree), name)))
workload("networkx.DiGraph.reverse", nodes=N, degree=D)(
    lambda rng, nodes, degree: call(directed(rng, nodes, degree).reverse))
for name in ("Graph", "DiGraph"):
    workload(f"networkx.{name}", repetitions=3, parameters=["incoming_graph_data=None", "**attr"])(
        lambda rng, f=getattr(nx, name): call(f))
