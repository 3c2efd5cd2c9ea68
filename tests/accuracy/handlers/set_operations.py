"""Union, intersection and difference of two large sets."""


def handler(event, context):
    n = event["n"]
    threes = set(range(0, n * 3, 3))
    fives = set(range(0, n * 5, 5))
    both = threes & fives
    either = threes | fives
    only = threes - fives
    return {"both": len(both), "either": len(either), "only": len(only)}
