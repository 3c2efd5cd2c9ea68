"""Pairs, running sums and groups with itertools."""

import itertools


def handler(event, context):
    n = event["n"]
    pairs = list(itertools.combinations(range(n), 2))
    running = list(itertools.accumulate(a * b for a, b in pairs))
    return {"pairs": len(pairs), "last": running[-1]}
