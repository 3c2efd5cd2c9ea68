"""Writes a log to /tmp and reads it as a whole."""

import os
import tempfile


def write_log(path, lines):
    with open(path, "w") as file:
        for i in range(lines):
            file.write(f"2026-01-01T00:00:00Z service={i % 17} request={i} status={200 + i % 5}\n")


def handler(event, context):
    path = os.path.join(tempfile.gettempdir(), "accuracy_whole.log")
    write_log(path, event["lines"])
    with open(path) as file:
        content = file.read()
    lines = content.split("\n")
    failures = [line for line in lines if line.endswith("status=204")]
    os.remove(path)
    return {"lines": len(lines), "failures": len(failures)}
