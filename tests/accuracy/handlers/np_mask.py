"""Filters values by a mask."""

import numpy as np


def handler(event, context):
    n = event["n"]
    values = np.arange(n, dtype=np.int64)
    mask = (values % 3 == 0) & (values > 100)
    selected = values[mask]
    clipped = np.where(mask, values, 0)
    return {"selected": int(selected.size), "sum": int(clipped.sum())}
