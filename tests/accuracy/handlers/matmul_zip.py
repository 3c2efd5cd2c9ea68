"""A rectangular matrix product by columns, with comprehensions."""

import random


def make(rows, columns, seed):
    rng = random.Random(seed)
    return [[rng.uniform(-1, 1) for _ in range(columns)] for _ in range(rows)]


def product(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def handler(event, context):
    rows = event["rows"]
    inner = event.get("inner", 8)
    columns = event.get("columns", rows)
    a = make(rows, inner, 1)
    b = make(inner, columns, 2)
    c = product(a, b)
    return {"rows": len(c), "columns": len(c[0]), "corner": c[0][0]}
