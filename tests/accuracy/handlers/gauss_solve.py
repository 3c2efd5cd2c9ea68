"""Solves a linear system by Gaussian elimination with partial pivoting."""

import random


def build_system(n, seed=42):
    rng = random.Random(seed)
    matrix = [[rng.random() for _ in range(n)] for _ in range(n)]
    for i in range(n):
        matrix[i][i] += n
    right = [rng.random() for _ in range(n)]
    return matrix, right


def solve(matrix, right):
    n = len(matrix)
    augmented = [row[:] + [value] for row, value in zip(matrix, right)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda r: abs(augmented[r][column]))
        augmented[column], augmented[pivot] = augmented[pivot], augmented[column]
        for row in range(column + 1, n):
            factor = augmented[row][column] / augmented[column][column]
            if factor == 0:
                continue
            for k in range(column, n + 1):
                augmented[row][k] -= factor * augmented[column][k]
    solution = [0.0] * n
    for row in range(n - 1, -1, -1):
        known = sum(augmented[row][k] * solution[k] for k in range(row + 1, n))
        solution[row] = (augmented[row][n] - known) / augmented[row][row]
    return solution


def handler(event, context):
    n = event.get("size", 100)
    matrix, right = build_system(n)
    solution = solve(matrix, right)
    residual = max(abs(sum(a * x for a, x in zip(row, solution)) - b) for row, b in zip(matrix, right))
    return {"n": n, "residual": residual}
