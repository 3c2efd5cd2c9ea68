"""Decomposes a matrix and solves with it."""

import numpy as np
import scipy.linalg


def handler(event, context):
    n = event["n"]
    rng = np.random.default_rng(0)
    a = rng.random((n, n)) + n * np.eye(n)
    lu = scipy.linalg.lu_factor(a)
    x = scipy.linalg.lu_solve(lu, rng.random(n))
    inverse = scipy.linalg.inv(a)
    return {"x": float(x[0]), "trace": float(np.trace(inverse))}
