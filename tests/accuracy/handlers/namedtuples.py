"""Named tuples for points, and their bounding box."""

from collections import namedtuple

Point = namedtuple("Point", ["x", "y", "label"])


def handler(event, context):
    points = [Point(i * 0.1, i * 0.2, "p%d" % i) for i in range(event["points"])]
    box = (min(p.x for p in points), min(p.y for p in points), max(p.x for p in points), max(p.y for p in points))
    return {"box": box}
