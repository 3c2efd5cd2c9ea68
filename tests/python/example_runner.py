"""Runs the tests of one example in a process of its own, one after the other, as warm invocations do.

    python example_runner.py FOLDER MODULE.FUNCTION ANSWERS < events.json

Writes a list of {"result": …} or {"error": "Type: message"} to the file ANSWERS; standard output is left to the handler.
"""

import importlib
import json
import os
import sys


class Context:
    """What the examples use of the context object of AWS Lambda."""

    def __init__(self, values):
        self.__dict__.update(values)

    def get_remaining_time_in_millis(self):
        return 300_000


def main(folder, handler, answers):
    tests = json.load(sys.stdin)["tests"]
    os.chdir(folder)
    sys.path.insert(0, folder)
    module, _, function = handler.rpartition(".")
    call = getattr(importlib.import_module(module), function)
    outcomes = []
    for test in tests:
        try:
            outcome = {"result": call(test["event"], Context(test["context"]))}
            json.dumps(outcome)  # the platform demands an answer that JSON can hold
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        outcomes.append(outcome)
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(outcomes, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
