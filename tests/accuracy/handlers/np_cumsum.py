"""A moving average by cumulative sums."""

import numpy as np


def moving_average(values, window):
    total = np.cumsum(np.insert(values, 0, 0.0))
    return (total[window:] - total[:-window]) / window


def handler(event, context):
    values = np.ones(event["n"]) * 2.5
    averages = moving_average(values, event.get("window", 16))
    return {"count": len(averages), "last": float(averages[-1])}
