"""Writes the rows of a Parquet file of traces as JSON lines. Flat columns `features.NAME` become one object."""

import json
import sys

import pyarrow.parquet as parquet

OBJECTS = ("features", "texts", "axes", "externals")
TEXTS = ("call", "result")

for batch in parquet.ParquetFile(sys.argv[1]).iter_batches():
    for row in batch.to_pylist():
        line = {}
        for name, value in row.items():
            before, dot, after = name.partition(".")
            if dot and before in OBJECTS:
                if value is not None:
                    line.setdefault(before, {})[after] = value
            elif name in OBJECTS and isinstance(value, list):
                line[name] = dict(value)
            elif name in OBJECTS and isinstance(value, dict):
                line[name] = {key: one for key, one in value.items() if one is not None}
            elif name in TEXTS and isinstance(value, str):
                line[name] = json.loads(value)
            else:
                line[name] = value
        print(json.dumps(line))
