"""Sorts, ranks and counts distinct values."""

import numpy as np


def handler(event, context):
    n = event["n"]
    values = np.random.default_rng(5).integers(0, n // 10 + 1, size=n)
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    distinct, counts = np.unique(values, return_counts=True)
    return {"smallest": int(ranked[0]), "distinct": int(distinct.size), "most": int(counts.max())}
