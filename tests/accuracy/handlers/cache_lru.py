"""An unbounded lru_cache on a function of two arguments."""

from functools import lru_cache


@lru_cache(maxsize=None)
def cost(source, target):
    return abs(source - target) * 1.5 + source


def handler(event, context):
    n = event["n"]
    total = 0.0
    for source in range(n):
        for target in range(n):
            total += cost(source, target)
    return {"total": total, "cached": cost.cache_info().currsize}
