"""orjson: documents of records, of numbers, and of texts that need one, two or four bytes a character."""

import json

import orjson
from meminterface_workloads import call, choice, sizes, workload


def records(rng, rows, columns):
    return [{f"field_{c}": rng.random() if c % 2 else f"value {rng.randrange(10**6)}" for c in range(columns)}
            for _ in range(rows)]


@workload("orjson.loads", rows=sizes(200, 20_000), columns=sizes(2, 12))
def _(rng, rows, columns):
    return call(orjson.loads, json.dumps(records(rng, rows, columns)).encode())


@workload("orjson.dumps", rows=sizes(200, 20_000), columns=sizes(2, 12), parameters=["obj", "default=None", "option=None"])
def _(rng, rows, columns):
    return call(orjson.dumps, records(rng, rows, columns))
