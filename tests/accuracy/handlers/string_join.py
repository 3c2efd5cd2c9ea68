"""Joins numbers to a line, splits it again, builds a dict of counts."""


def handler(event, context):
    n = event["n"]
    line = ",".join(str(i % 1000) for i in range(n))
    parts = line.split(",")
    counts = {}
    for part in parts:
        counts[part] = counts.get(part, 0) + 1
    reverse = ",".join(reversed(parts))
    return {"length": len(line), "distinct": len(counts), "same": len(reverse) == len(line)}
