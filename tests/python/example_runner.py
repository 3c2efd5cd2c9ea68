"""Runs the tests of one example in a process of its own, one after the other, as warm invocations do.

    python example_runner.py FOLDER MODULE.FUNCTION ANSWERS < events.json

Writes a list of {"result": …} or {"error": "Type: message"} to the file ANSWERS; what the handler prints is left alone.

    python example_runner.py --peak FOLDER MODULE.FUNCTION < events.json

Runs each test in a fresh process instead and prints how far it raised the high-water mark of resident memory (Linux).
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile


class Context:
    """What the examples use of the context object of AWS Lambda."""

    def __init__(self, values):
        self.__dict__.update(values)

    def get_remaining_time_in_millis(self):
        return 300_000


def high_water_kib():
    """The most resident memory that this process ever had; None where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def peaks(folder, handler):
    for test in json.load(sys.stdin)["tests"]:
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as answers:
            subprocess.run(
                [sys.executable, __file__, folder, handler, answers.name],
                input=json.dumps({"tests": [test]}),
                text=True,
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
            (outcome,) = json.load(answers)
        baseline, peak = outcome["high_water_kib"]
        print(f"{(peak - baseline) / 1024:8.1f} MiB above {baseline / 1024:6.1f} MiB  {test['name']}", flush=True)


def main(folder, handler, answers):
    tests = json.load(sys.stdin)["tests"]
    folder = os.path.abspath(folder)
    os.chdir(folder)
    sys.path.insert(0, folder)
    module, _, function = handler.rpartition(".")
    call = getattr(importlib.import_module(module), function)
    outcomes = []
    for test in tests:
        before = high_water_kib()
        try:
            outcome = {"result": call(test["event"], Context(test["context"]))}
            json.dumps(outcome)  # the platform demands an answer that JSON can hold
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        outcome["high_water_kib"] = [before, high_water_kib()]
        outcomes.append(outcome)
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(outcomes, file)


if __name__ == "__main__":
    if sys.argv[1] == "--peak":
        peaks(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
