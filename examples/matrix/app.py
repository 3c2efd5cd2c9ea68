"""Solves a random, well-conditioned system of linear equations."""

import os
import time

import numpy as np

from solvers import SOLVERS, SolverError, residual

MAX_ORDER = int(os.environ.get("MAX_ORDER", "8192"))
DEFAULT_DTYPE = os.environ.get("DTYPE", "float64")
TOLERANCE = {"float32": 1e-2, "float64": 1e-8}


def build(order, right_sides, dtype, seed):
    """A diagonally dominant matrix, so that every solver succeeds, and its right-hand sides."""
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((order, order)).astype(dtype)
    matrix[np.diag_indices(order)] += 4 * np.sqrt(order)
    sides = generator.standard_normal((order, right_sides)).astype(dtype)
    return matrix, sides


def handler(event, context):
    order = int(event["n"])
    right_sides = int(event.get("rhs", 1))
    dtype = event.get("dtype", DEFAULT_DTYPE)
    method = event.get("method", "solve")
    if not 0 < order <= MAX_ORDER:
        return {"statusCode": 400, "error": f"n must be in 1..{MAX_ORDER}"}
    if method not in SOLVERS:
        return {"statusCode": 400, "error": f"method must be one of {sorted(SOLVERS)}"}

    begin = time.perf_counter()
    matrix, sides = build(order, right_sides, dtype, event.get("seed", 0))
    attempts = 0
    while True:
        attempts += 1
        try:
            solution = SOLVERS[method](matrix, sides)
            break
        except SolverError:
            if attempts == 3:
                raise
            # Shift the spectrum and try once more.
            matrix = matrix + np.eye(order, dtype=dtype)
    error = residual(matrix, solution, sides)
    if error > TOLERANCE[dtype]:
        return {"statusCode": 500, "error": f"residual {error}"}

    answer = {
        "statusCode": 200,
        "method": method,
        "shape": list(solution.shape),
        "residual": error,
        "norm": float(np.linalg.norm(solution)),
        "attempts": attempts,
        "seconds": time.perf_counter() - begin,
    }
    if event.get("return_solution"):
        answer["solution"] = solution.tolist()
    return answer
