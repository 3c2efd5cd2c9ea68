"""Counts grid paths by recursion with a memo dict of tuples."""

import sys

sys.setrecursionlimit(100_000)


def paths(x, y, memo):
    if x == 0 or y == 0:
        return 1
    key = (x, y)
    if key in memo:
        return memo[key]
    result = (paths(x - 1, y, memo) + paths(x, y - 1, memo)) % 1_000_000_007
    memo[key] = result
    return result


def handler(event, context):
    side = event["side"]
    return {"paths": paths(side, side, {})}
