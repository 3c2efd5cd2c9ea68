"""The same arithmetic in place or with new arrays, as the event says."""

import numpy as np


def in_place(values):
    values *= 2.0
    values += 1.0
    np.sqrt(values, out=values)
    return values


def with_copies(values):
    doubled = values * 2.0
    shifted = doubled + 1.0
    return np.sqrt(shifted)


def handler(event, context):
    values = np.random.rand(event["n"])
    if event.get("mode") == "inplace":
        result = in_place(values)
    else:
        result = with_copies(values)
    return {"mean": float(result.mean())}
