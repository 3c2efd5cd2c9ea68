"""A moving average over a window kept in a deque."""

from collections import deque


def handler(event, context):
    window = deque(maxlen=event["window"])
    averages = []
    total = 0.0
    for i in range(event["samples"]):
        value = float((i * 1103515245 + 12345) % 1000)
        if len(window) == window.maxlen:
            total -= window[0]
        window.append(value)
        total += value
        averages.append(total / len(window))
    return {"last": averages[-1], "count": len(averages)}
