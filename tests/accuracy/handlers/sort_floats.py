"""Sorts random numbers into a new list."""

import random


def handler(event, context):
    n = event.get("n", 1000)
    values = [random.gauss(0.0, 1.0) for _ in range(n)]
    ordered = sorted(values, reverse=True)
    return {"median": ordered[n // 2], "top": ordered[:3]}
