"""Ways to solve A x = B."""

import numpy as np


class SolverError(ArithmeticError):
    pass


def _guarded(function):
    def run(matrix, sides):
        try:
            return function(matrix, sides)
        except np.linalg.LinAlgError as error:
            raise SolverError(str(error)) from error

    return run


@_guarded
def direct(matrix, sides):
    return np.linalg.solve(matrix, sides)


@_guarded
def normal_equations(matrix, sides):
    """Cholesky of AᵀA: half the work of a least-squares solver, two more matrices in memory."""
    gram = matrix.T @ matrix
    lower = np.linalg.cholesky(gram)
    right = np.linalg.solve(lower, matrix.T @ sides)
    return np.linalg.solve(lower.T, right)


@_guarded
def orthogonal(matrix, sides):
    q, r = np.linalg.qr(matrix)
    return np.linalg.solve(r, q.T @ sides)


@_guarded
def explicit_inverse(matrix, sides):
    return np.linalg.inv(matrix) @ sides


def jacobi(matrix, sides, rounds=200):
    """Iterative: keeps the matrix, one copy without its diagonal and two vectors."""
    diagonal = np.diag(matrix).copy()
    rest = matrix - np.diagflat(diagonal)
    current = np.zeros_like(sides)
    smallest_step = 16 * np.finfo(sides.dtype).eps
    for _ in range(rounds):
        following = (sides - rest @ current) / diagonal[:, None]
        if np.allclose(following, current, rtol=0, atol=smallest_step):
            break
        current = following
    else:
        raise SolverError(f"no convergence in {rounds} rounds")
    return following


SOLVERS = {
    "solve": direct,
    "cholesky": normal_equations,
    "qr": orthogonal,
    "inverse": explicit_inverse,
    "jacobi": jacobi,
}


def residual(matrix, solution, sides):
    return float(np.max(np.abs(matrix @ solution - sides)))
