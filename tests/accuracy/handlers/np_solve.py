"""Solves a random linear system."""

import numpy as np


def handler(event, context):
    n = event["n"]
    rng = np.random.default_rng(event.get("seed", 0))
    a = rng.standard_normal((n, n))
    b = rng.standard_normal(n)
    x = np.linalg.solve(a, b)
    residual = np.abs(a @ x - b).max()
    return {"n": n, "residual": float(residual)}
