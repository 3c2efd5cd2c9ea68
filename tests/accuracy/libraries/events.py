"""Handlers with pandas, scikit-learn, scipy and networkx, as people deploy them, and their events.

    python tests/accuracy/run.py --folder tests/accuracy/libraries --python .venv/bin/python

`.venv` has the libraries of interfaces/workloads/requirements.txt.
"""

import random

from registry import Registry

REGISTRY = Registry()
events, parameter = REGISTRY.register, REGISTRY.parameter

REGIONS = ["north", "south", "east", "west"]


def records(count, seed=3):
    rng = random.Random(seed)
    return [{"region": rng.choice(REGIONS), "price": round(rng.uniform(1, 500), 2), "quantity": rng.randrange(1, 2000)}
            for _ in range(count)]


def table(rows, seed=4):
    lines = ["region,price,quantity,weight"]
    lines += [f"{r['region']},{r['price']},{r['quantity']},{r['price'] / 7:.5f}" for r in records(rows, seed)]
    return "\n".join(lines) + "\n"


def sentences(count, seed=5):
    rng = random.Random(seed)
    words = [f"{a}{b}{c}" for a in ("me", "in", "ra", "to", "ve") for b in ("mo", "ter", "li", "sa") for c in ("ry", "face", "ble", "ne", "d")]
    words += [f"{w}{n}" for w in words for n in range(40)]
    return [" ".join(rng.choice(words) for _ in range(40)) for _ in range(count)]


def edges(nodes, seed=6):
    rng = random.Random(seed)
    return [[rng.randrange(nodes), rng.randrange(nodes)] for _ in range(nodes * 4)]


# pandas
parameter("pd_columns", "rows", [1000, 200_000, 400_000, 800_000, 1_500_000])
parameter("pd_mask", "rows", [1000, 200_000, 400_000, 800_000, 1_500_000])
events("pd_records", [200, 20_000, 40_000, 80_000])(lambda n: {"records": records(n)})
events("pd_csv", [200, 50_000, 100_000, 200_000])(lambda n: {"csv": table(n)})
parameter("pd_merge", "rows", [1000, 100_000, 200_000, 400_000])
parameter("pd_rolling", "samples", [1000, 300_000, 600_000, 1_200_000])
parameter("pd_matrix", "rows", [1000, 50_000, 100_000, 200_000])

# scikit-learn
parameter("sk_kmeans", "samples", [500, 40_000, 80_000, 160_000])
parameter("sk_regression", "samples", [500, 40_000, 80_000, 160_000])
parameter("sk_scale_pca", "samples", [500, 20_000, 40_000, 80_000])
parameter("sk_forest", "samples", [500, 4000, 8000, 16_000])
parameter("sk_logistic", "samples", [500, 30_000, 60_000, 120_000])
parameter("sk_neighbours", "samples", [500, 4000, 8000, 16_000])
events("sk_tfidf", [50, 1000, 2000, 4000])(lambda n: {"documents": sentences(n)})

# scipy
parameter("sp_filter", "samples", [1000, 300_000, 600_000, 1_200_000])
parameter("sp_image", "side", [100, 800, 1200, 1800])
parameter("sp_linalg", "n", [50, 500, 800, 1200])
parameter("sp_sparse", "n", [1000, 50_000, 100_000, 200_000])
parameter("sp_clusters", "points", [100, 1500, 2000, 3000])

# networkx
events("nx_ranks", [100, 3000, 6000, 12_000])(lambda n: {"edges": edges(n)})
parameter("nx_paths", "nodes", [100, 3000, 6000, 12_000])
