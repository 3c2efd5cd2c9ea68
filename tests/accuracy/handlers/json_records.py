"""Builds records, writes them as JSON, and reads them back."""

import json


def make_record(i):
    return {"id": i, "name": f"user-{i}", "active": i % 2 == 0, "score": i / 3, "tags": ["a", "b", str(i)]}


def handler(event, context):
    count = event["count"]
    records = [make_record(i) for i in range(count)]
    text = json.dumps(records)
    parsed = json.loads(text)
    return {"length": len(text), "same": len(parsed) == len(records)}
