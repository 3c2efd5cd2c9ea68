#!/usr/bin/env python3
"""Checks contracts by running the libraries: predicted against measured, at two sizes each, in fresh processes.

    python interfaces/check.py                        every workload whose library is installed
    python interfaces/check.py numpy PIL              those of interfaces/workloads/numpy.py and PIL.py
    python interfaces/check.py --only numpy.sort      callables whose name contains the text
    python interfaces/check.py --quick                small sizes, requested bytes only: for the test suite

For each workload the arguments are made, the call is made once at a tiny size so that caches are warm, and then

  peak      is what tracemalloc saw at the highest, above the level before the call,
  result    is what tracemalloc sees while the result is held,
  resident  is VmHWM (after 5 was written to /proc/self/clear_refs) above VmRSS before the call, without tracemalloc.

Memory that a library takes past Python's allocators is invisible to tracemalloc; workloads say so (`traced=False`),
and then only the resident size is compared. The process runs with a fixed mmap threshold of 128 KiB, so that what is
freed goes back to the system, and with one BLAS thread.

Exit code 1 if an error is above --tolerance (5 %) where the measured value is above 1 MiB.
"""

import argparse
import gc
import importlib
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20

WORKLOADS = {}
KINDS = []


class Call:
    """A call to measure: function, arguments, values of external sizes, and what else describes an argument."""

    def __init__(self, function, args, kwargs):
        self.function, self.args, self.kwargs = function, args, kwargs
        self.values, self.describe_as, self.receiver = {}, {}, getattr(function, "__self__", None)
        self.setup = None

    def given(self, **values):
        """Sizes from outside."""
        self.values.update(values)
        return self

    def on(self, receiver):
        """The receiver, where it is not the function's `__self__`; None for a function."""
        self.receiver = receiver
        return self

    def described(self, **features):
        """More features: `parameter__feature=…`, `self__feature=…`; parameters by position are `_0__feature`."""
        self.describe_as.update(features)
        return self


def call(function, *args, **kwargs):
    """A call for a workload."""
    return Call(function, args, kwargs)


def workload(name, sizes=None, traced=True, resident=True, quick=None, tolerance=None, warm=True):
    """Declares how a callable is tried: the function gets a size and returns a `call(…)`."""

    def declare(make):
        label = name if make.__name__ == "_" else f"{name} [{make.__name__}]"
        WORKLOADS[label] = {
            "name": name, "make": make, "sizes": sizes or (1_300_000, 3_700_000), "traced": traced,
            "resident": resident, "quick": quick, "tolerance": tolerance, "warm": warm,
        }
        return make

    return declare


def kind(test, name, **features):
    """Declares a kind for descriptions: a test of objects, the kind's name, features as functions of the object."""
    KINDS.append((test, name, features))


def deep(value, seen=None):
    """Bytes of a value with all that it holds, as CPython counts them."""
    seen = set() if seen is None else seen
    if id(value) in seen or value is None or isinstance(value, (bool, type)):
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value) + (16 if gc.is_tracked(value) else 0)
    if isinstance(value, dict):
        size += sum(deep(k, seen) + deep(v, seen) for k, v in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        size += sum(deep(item, seen) for item in value)
    elif isinstance(value, int) and -6 < value < 257:
        size = 0
    return size


def width(text):
    widest = max(map(ord, text), default=0)
    return 1 if widest < 256 else 2 if widest < 65536 else 4


def describe(value, depth=0):
    """What a static reader could know of a value."""
    for test, name, features in KINDS:
        if test(value):
            found = {"kind": name}
            for feature, get in features.items():
                got = get(value)
                if feature == "shape":
                    found["shape"] = list(got)
                elif isinstance(got, str):
                    found.setdefault("texts", {})[feature] = got
                elif got is not None:
                    found.setdefault("features", {})[feature] = got
            return found
    if value is None or isinstance(value, (bool, int)):
        return {"value": value}
    if isinstance(value, float):
        return {"value": value} if math.isfinite(value) else {"kind": "float"}
    if isinstance(value, str):
        if len(value) <= 100:
            return {"value": value}
        return {"kind": "str", "features": {"length": len(value), "width": width(value), "bytes": deep(value)}}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"kind": type(value).__name__, "features": {"length": len(value), "bytes": sys.getsizeof(value)}}
    if isinstance(value, (list, tuple)):
        items = [describe(item, depth + 1) for item in value[:6]] if depth < 4 else []
        features = {"length": len(value), "bytes": deep(value)}
        found = {"kind": type(value).__name__, "features": features, "items": items}
        if len(value) <= 8 and all(isinstance(item, int) for item in value):
            found["value"] = list(value)
        return found
    if isinstance(value, (dict, set, frozenset)):
        return {"kind": type(value).__name__, "features": {"length": len(value), "bytes": deep(value)}}
    if isinstance(value, range):
        return {"kind": "range", "features": {"length": len(value)}}
    if isinstance(value, type) or callable(value):
        module = getattr(value, "__module__", None) or ""
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return {"reference": name if module == "builtins" else f"{module}.{name}"}
    return {"kind": f"{type(value).__module__}.{type(value).__qualname__}"}


def description(name, made):
    found = {
        "callable": name,
        "positional": [describe(value) for value in made.args],
        "keywords": {key: describe(value) for key, value in made.kwargs.items()},
        "values": made.values,
    }
    receiver = made.receiver
    if receiver is not None and not isinstance(receiver, (type(sys), type)):
        found["self"] = describe(receiver)
    for path, feature_value in made.describe_as.items():
        target, feature = path.split("__", 1)
        if target.startswith("_"):
            entry = found["positional"][int(target[1:])]
        elif target == "self":
            entry = found.setdefault("self", {"kind": name.rpartition(".")[0]})
        else:
            entry = found["keywords"][target]
        if feature == "kind":
            entry["kind"] = feature_value
            entry.pop("value", None)
        elif isinstance(feature_value, str):
            entry.setdefault("texts", {})[feature] = feature_value
        else:
            entry.setdefault("features", {})[feature] = feature_value
    return found


def status(field):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0


def measure(label, size, mode):
    """Runs one call in this process; prints what it took."""
    spec = WORKLOADS[label]
    if spec["warm"]:
        warm = spec["make"](16)
        warm.function(*warm.args, **warm.kwargs)
        del warm
    made = spec["make"](size)
    answer = {"call": description(spec["name"], made)}
    function, args, kwargs = made.function, made.args, made.kwargs
    gc.collect()
    if mode == "traced":
        import tracemalloc

        tracemalloc.start(1)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = function(*args, **kwargs)
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        answer.update(peak=peak - before, result=after - before)
    else:
        with open("/proc/self/clear_refs", "w") as reset:
            reset.write("5")
        before = status("VmRSS")
        result = function(*args, **kwargs)
        answer.update(resident=status("VmHWM") - before, resident_result=status("VmRSS") - before)
    del result
    print(json.dumps(answer))


def load(names):
    sys.modules.setdefault("check", sys.modules["__main__"])
    problems = []
    for path in sorted((HERE / "workloads").glob("*.py")):
        if names and path.stem not in names or "meminterface_workloads" in path.read_text():
            continue  # those are for `meminterface learn`
        spec = importlib.util.spec_from_file_location(f"workloads_{path.stem}", path)
        try:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except ModuleNotFoundError as error:
            problems.append(f"{path.stem}: not checked, {error.name} is not installed")
    return problems


def run(label, size, mode, names):
    environment = dict(os.environ, MALLOC_MMAP_THRESHOLD_="131072", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0",
                       AWS_DEFAULT_REGION="eu-central-1", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
    command = [sys.executable, __file__, *names, "--measure", label, str(size), mode]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1:] or ["failed"]
    return json.loads(done.stdout.splitlines()[-1]), None


def predict(binary, calls, contracts):
    command = [binary, "contracts", "apply"]
    for folder in contracts:
        command += ["--contracts", folder]
    text = "".join(json.dumps(c) + "\n" for c in calls)
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.stderr.strip():
        print(done.stderr.strip(), file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", help="files of interfaces/workloads, without .py")
    parser.add_argument("--only", default="", help="callables whose name contains this")
    parser.add_argument("--quick", action="store_true", help="small sizes, requested bytes only")
    parser.add_argument("--tolerance", type=float, default=5.0, help="per cent")
    parser.add_argument("--binary", default=os.environ.get("MEMINTERFACE", "meminterface"))
    parser.add_argument("--contracts", action="append", default=[], help="folder of contracts to check instead")
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--reuse", action="append", default=[], help="compare with the figures of an earlier --json, without measuring")
    parser.add_argument("--markdown", help="write the table to this file, for the documentation")
    parser.add_argument("--measure", nargs=3, metavar=("LABEL", "SIZE", "MODE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    problems = [] if options.reuse else load(options.libraries)
    if options.measure:
        label, size, mode = options.measure
        return measure(label, int(size), mode)
    rows = []
    for label, spec in WORKLOADS.items():
        if options.only not in label:
            continue
        sizes = spec["sizes"]
        if options.quick:
            if not spec["traced"]:
                continue
            sizes = (spec["quick"] or sizes[0] // 3,)
        for size in sizes:
            row = {"label": label, "size": size, "tolerance": spec["tolerance"]}
            for mode in ("traced", "resident"):
                if not spec[mode] or (options.quick and mode == "resident"):
                    continue
                answer, error = run(label, size, mode, options.libraries)
                if error:
                    row["error"] = error[0]
                else:
                    row.update(answer)
            rows.append(row)
    for file in options.reuse:
        rows += [row for row in json.loads(pathlib.Path(file).read_text()) if options.only in row["label"]]
    for row in rows:
        row.pop("answer", None)
    known = [row for row in rows if "call" in row]
    for row, answer in zip(known, predict(options.binary, [row["call"] for row in known], options.contracts)):
        row["answer"] = answer
    bad = report(rows, options.tolerance)
    if options.markdown:
        markdown(rows, options.markdown)
    for problem in problems:
        print(problem)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))
    return 1 if bad else 0


def errors_of(row):
    """Errors in per cent of what could be compared; a value that was not predicted is None."""
    answer = row.get("answer")
    for measured, predicted in (("peak", "peak"), ("resident", "resident_peak")):
        if measured in row:
            said = answer and answer[predicted]["bytes"]
            yield measured, None if said is None else 100 * (said - row[measured]) / max(row[measured], MIB)


def markdown(rows, file):
    """The table of docs/CONTRACTS-CHECKED.md."""
    import datetime
    import platform

    installed = []
    for library in ("numpy", "PIL"):
        try:
            installed.append(f"{library} {importlib.import_module(library).__version__}")
        except ImportError:
            pass
    # A row is marked `seen` in the figures where a constant was revised after its error at this size was known: such a
    # row says that the formula fits, not that it was confirmed.
    seen = sum(row.get("seen", False) for row in rows)
    found = sorted(abs(e) for row in rows if not row.get("seen") for _, e in errors_of(row) if e is not None)
    missed = sum(e is None for row in rows for _, e in errors_of(row)) + sum("call" not in row for row in rows)
    text = "# Contracts, checked\n\nWritten by `python interfaces/check.py --markdown docs/CONTRACTS-CHECKED.md`, "
    text += f"{datetime.date.today()}: {', '.join([f'CPython {platform.python_version()}', *installed])}, {platform.system()} {platform.machine()}.\n"
    text += "Errors are per cent of what was measured, or of 1 MiB where that is more. Of "
    text += f"{len({row['label'] for row in rows})} workloads at two sizes each, {len(found)} values were compared at sizes not used in writing and {missed} could not be.\n"
    if found:
        within = sum(e <= 5 for e in found) / len(found)
        text += f"Median error {found[len(found) // 2]:.2f} %, 95th percentile {found[int(len(found) * 0.95)]:.1f} %, "
        text += f"largest {found[-1]:.1f} %; {100 * within:.1f} % of the values within 5 %.\n"
    if seen:
        text += f"{seen} rows marked † are left out of these figures: their constants were revised after the error at this size was seen.\n"
    text += "\n| callable | size | peak, MiB | error | resident, MiB | error |\n| --- | ---: | ---: | ---: | ---: | ---: |\n"
    for row in rows:
        cells = dict(errors_of(row))
        text += f"| {row['label']}{' †' if row.get('seen') else ''} | {row['size']} |"
        for measured in ("peak", "resident"):
            if measured not in row:
                text += " | |"
            else:
                error = cells[measured]
                text += f" {row[measured] / MIB:.2f} | {'unknown' if error is None else f'{error:+.1f} %'} |"
        text += "\n"
    pathlib.Path(file).write_text(text)


def report(rows, tolerance):
    bad = 0
    print(f"{'callable':52} {'size':>9} | {'peak MiB':>9} {'error':>8} | {'result':>9} {'error':>8} | {'resident':>9} {'error':>8}")
    for row in rows:
        text = f"{row['label'][:52]:52} {row['size']:>9} |"
        if "error" in row and "answer" not in row:
            bad += 1
            print(text, "cannot be run:", row["error"])
            continue
        answer = row.get("answer")
        if answer is None:
            bad += 1
            print(text, "no contract")
            continue
        wrong = ""
        for measured, predicted in (("peak", "peak"), ("result", "result_bytes"), ("resident", "resident_peak")):
            if measured not in row:
                text += f" {'':9} {'':8} |"
                continue
            value = row[measured]
            said = answer[predicted]["bytes"]
            if said is not None and measured == "result":
                said += sum(effect["grow"]["bytes"] or 0 for effect in answer["effects"])
            if said is None:
                text += f" {value / MIB:9.2f} {'unknown':>8} |"
                wrong = f"  <-- needs {', '.join(answer['missing']) or answer[predicted]['formula']}"
                continue
            error = 100 * (said - value) / max(value, MIB)
            text += f" {value / MIB:9.2f} {error:+7.1f}% |"
            limit = row["tolerance"] or tolerance
            if abs(error) > limit and max(value, said) > MIB:
                wrong = f"  <-- {measured}"
        bad += bool(wrong)
        print(text + wrong)
    print(f"{len(rows)} points, {bad} outside")
    return bad


if __name__ == "__main__":
    sys.exit(main())
