"""A sparse matrix of random entries, times a vector."""

import numpy as np
from scipy import sparse


def handler(event, context):
    n = event["n"]
    rng = np.random.default_rng(0)
    rows = rng.integers(0, n, 10 * n)
    columns = rng.integers(0, n, 10 * n)
    matrix = sparse.csr_matrix((rng.random(10 * n), (rows, columns)), shape=(n, n))
    y = matrix.dot(np.ones(n))
    return {"nnz": int(matrix.nnz), "sum": float(y.sum())}
