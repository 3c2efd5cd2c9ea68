"""Extracts every handler of a folder and checks each interface by running it.

    python3 tests/python/check_interfaces.py --command target/debug/meminterface FOLDER... [--calls] [--verbose]

For each handler:

1. the Python form compiles, with each interpreter of ``--pythons`` as well;
2. it runs on synthetic arguments (permissive events, variables by their declared type) and returns a formula, or
   raises what the handler itself could raise for such an event: never NameError, UnboundLocalError, SyntaxError or
   RecursionError, and it ends within a few seconds;
3. the JSON form validates against docs/schemas/interface.schema.json, if the package `jsonschema` is there;
4. with ``--calls``: every call in the source of the handler is on a line that the interface accounts for.

What it imports from the package `meminterface` is acted out by a stub, so that only the command has to be built. The
code of the handlers is never run. Exit code 1 if a check failed.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import collections
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 5
# What a handler could not raise for an event, however odd: these are mistakes of the generated code.
NEVER = (NameError, SyntaxError, RecursionError, MemoryError)


class Formula:
    """Stands for a formula: any arithmetic gives another."""

    def _same(self, *_):
        return self

    __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = __neg__ = _same


def stub() -> types.ModuleType:
    """A module with the names that generated files import."""
    module = types.ModuleType("meminterface")

    class Leave(BaseException):
        pass

    made: dict[str, type] = {}

    def raised(name):
        known = getattr(builtins, name, None)
        if isinstance(known, type) and issubclass(known, BaseException):
            return known
        return made.setdefault(name, type(name, (Exception,), {"ours": True}))

    def fail(variable, label, *exceptions):
        for exception in exceptions:
            if variable == label or variable == f"{label}: {exception}":
                raise raised(exception)

    module.Leave, module.raised, module.fail = Leave, raised, fail
    module.term = module.symbol = lambda *_, **__: Formula()
    return module


class Event(dict):
    """An event with every key: the value is made by depth, so that looking deeper ends somewhere."""

    def __init__(self, leaf, depth=0):
        super().__init__(a=leaf)
        self.leaf, self.depth = leaf, depth

    def _value(self):
        return self.leaf if self.depth >= 3 else Event(self.leaf, self.depth + 1)

    def __missing__(self, key):
        return self._value()

    def get(self, key, default=None):
        return dict.get(self, key, self._value())

    def __contains__(self, key):
        return True


class Flat(dict):
    """An event in which every key has the same value."""

    def __init__(self, leaf):
        super().__init__()
        self.leaf = leaf

    def __missing__(self, key):
        return self.leaf() if callable(self.leaf) else self.leaf

    def get(self, key, default=None):
        return self[key]

    def __contains__(self, key):
        return True


def events():
    """Events that get far into different handlers."""
    yield "empty", {}
    yield "ints", Flat(3)
    yield "texts", Flat("7")
    yield "nested ints", Event(3)
    yield "nested texts", Event("x")
    yield "nested lists", Event([1, 2])
    yield "lists of dicts", Flat(lambda: [Flat(lambda: Event("x")), Flat(lambda: Event(2))])
    yield "json body", Flat('{"a": [1, 2], "n": 3}')
    yield "none", Flat(None)
    yield "list", [Flat("x")]


def argument_values(mcv, variant):
    """A value for a memory-critical variable, by its declared type."""
    if mcv["kind"] == "exception" or mcv.get("values"):
        values = [None, *mcv.get("values", [])]
        return values[variant % len(values)]
    first = {"bool": True, "int": 2, "number": 2, "str": "x", "optional-str": "x", "list": [1, 2], "any": "x"}
    second = {"bool": False, "int": 0, "number": 0.5, "str": "", "optional-str": None, "list": [], "any": 3}
    return (first if variant % 2 == 0 else second)[mcv["type"]]


class Alarm(BaseException):
    """The interface did not end in time. No clause of a handler catches it."""


@contextlib.contextmanager
def time_limit(seconds):
    def ring(*_):
        raise Alarm

    signal.signal(signal.SIGALRM, ring)
    # Again and again: a bare ``except`` may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run(code, name, data):
    """Calls the interface with many arguments; gives (problems, how many calls returned)."""
    namespace = {"__name__": "interface"}
    exec(code, namespace)
    problems, returned = set(), 0
    arguments = [p for p in data["parameters"] if not p["has_default"] and p["kind"] in ("plain", "keyword-only")]
    variants = 2 + max((len(m.get("values", [])) for m in data["mcvs"]), default=0)
    jobs = [(f"{name}_initialisation", {}, data["initialisation"]["mcvs"], v, "initialisation") for v in range(2)]
    for label, event in events():
        for variant in range(variants):
            given = {p["name"]: event for p in arguments}
            jobs.append((f"{name}_interface", given, data["mcvs"], variant, f"{label}, variant {variant}"))
    spent = time.monotonic()
    for function, given, mcvs, variant, label in jobs:
        if function not in namespace or (time.monotonic() - spent > 2 * SECONDS and returned):
            continue
        given = dict(given)
        for mcv in mcvs:
            if "default" not in mcv or variant % 2 == 1:
                given[mcv["name"]] = argument_values(mcv, variant)
        try:
            with time_limit(SECONDS):
                result = namespace[function](**given)
            if isinstance(result, (int, float, Formula)):
                returned += function.endswith("_interface")
            else:
                problems.add(f"returns {type(result).__name__}")
        except Alarm:
            problems.add(f"does not end ({label})")
            break
        except NEVER as error:
            problems.add(f"{type(error).__name__}: {error}")
        except TypeError as error:
            if "_interface()" in str(error) or "_initialisation()" in str(error):
                problems.add(f"signature: {error}")
        except Exception:  # what the handler would raise for this event
            pass
    return problems, returned


def accounted_lines(data):
    """(file, line) of every term, followed call and free call."""
    lines = set()

    def walk(value):
        if isinstance(value, dict):
            if "line" in value and "file" in value:
                lines.add((value["file"], value["line"]))
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    for part in ("terms", "body", "initialisation", "free", "notes", "derived", "mcvs"):
        walk(data[part])
    return lines


def unaccounted_calls(data):
    """Calls in the handler's own function on lines that the interface does not mention. Approximate: dead code too."""
    try:
        tree = ast.parse(pathlib.Path(data["file"]).read_bytes())
    except (SyntaxError, ValueError):
        return []
    handlers = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == data["name"]
        and node.lineno <= data["line"] <= node.body[0].lineno
    ]
    lines = {line for file, line in accounted_lines(data) if file == data["file"]}
    missing = []

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                continue
            if isinstance(child, ast.Call) and not lines & set(range(child.lineno, (child.end_lineno or 0) + 1)):
                missing.append(f"line {child.lineno}: {ast.unparse(child)[:80]}")
            visit(child)

    for handler in handlers:
        for statement in handler.body:
            visit(ast.Module(body=[statement], type_ignores=[]))
    return missing


def check_schema():
    """A function that validates JSON, or one that does nothing without the package `jsonschema`."""
    try:
        import jsonschema
    except ImportError:
        return lambda data: None
    schema = json.loads((ROOT / "docs/schemas/interface.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    return lambda data: next((error.message[:200] for error in validator.iter_errors(data)), None)


def extract(command, paths, form, folder):
    """Runs the command; gives its seconds and the files that it wrote, by stem."""
    started = time.monotonic()
    done = subprocess.run(
        [command, "extract", *map(str, paths), "--format", form, "-o", str(folder) + "/"],
        capture_output=True, text=True, errors="replace", timeout=600,
    )
    seconds = time.monotonic() - started
    if done.returncode not in (0, 1, 2) or "panicked" in done.stderr:
        print(f"{paths}: exit {done.returncode}\n{done.stderr[-2000:]}")
    suffix = ".py" if form == "python" else ".json"
    return seconds, done.returncode, {path.stem: path for path in sorted(pathlib.Path(folder).rglob("*" + suffix))}


def compile_with(python, files):
    """Files that an interpreter does not compile, with its message."""
    code = (
        "import sys\n"
        "for f in sys.stdin.read().split('\\0'):\n"
        "    try: compile(open(f, encoding='utf-8').read(), f, 'exec')\n"
        "    except Exception as e: print(f, e)\n"
    )
    done = subprocess.run([python, "-c", code], input="\0".join(map(str, files)), capture_output=True, text=True)
    return done.stdout.splitlines() + done.stderr.splitlines()[-3:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    parser.add_argument("--list", type=pathlib.Path, help="a file of paths, one a line, each extracted alone")
    parser.add_argument("--command", default=str(ROOT / "target/debug/meminterface"))
    parser.add_argument("--pythons", nargs="*", default=[], help="interpreters that must compile every file")
    parser.add_argument("--calls", action="store_true", help="list calls that the interface does not account for")
    parser.add_argument("--mcvs", action="store_true", help="list the memory-critical variables that are computed")
    parser.add_argument("--slow", type=float, default=1.0, help="report extractions that take longer, in seconds")
    options = parser.parse_args()

    sys.modules["meminterface"] = stub()
    validate = check_schema()
    groups = [[path] for path in options.paths]
    if options.list:
        groups += [[pathlib.Path(line)] for line in options.list.read_text().splitlines() if line.strip()]
    figures = collections.Counter()
    kinds = collections.Counter()
    failed = False
    for group in groups:
        with tempfile.TemporaryDirectory() as folder:
            try:
                seconds, code, python = extract(options.command, group, "python", folder + "/p")
                _, _, data_files = extract(options.command, group, "json", folder + "/j")
            except subprocess.TimeoutExpired:
                print(f"{group[0]}: extraction does not end")
                failed = True
                continue
            if code not in (0, 1, 2):
                failed = True
                figures["crashed"] += 1
            if seconds > options.slow:
                figures["slow"] += 1
                print(f"{group[0]}: {seconds:.1f} s")
            figures["paths"] += 1
            for interpreter in options.pythons:
                for line in compile_with(interpreter, python.values()):
                    print(f"{interpreter}: {line}")
                    failed = True
            for stem, path in python.items():
                figures["handlers"] += 1
                data = json.loads(data_files[stem].read_text()) if stem in data_files else None
                if data is None:
                    print(f"{group[0]}: no JSON for {stem}")
                    failed = True
                    continue
                where = f"{data['file']}:{data['line']} {data['handler']}"
                if error := validate(data):
                    print(f"{where}: schema: {error}")
                    failed = True
                try:
                    code = compile(path.read_text(), str(path), "exec")
                    figures["compiled"] += 1
                except (SyntaxError, ValueError, RecursionError) as error:
                    print(f"{where}: does not compile: {error}")
                    failed = True
                    continue
                problems, returned = run(code, data["name"], data)
                figures["ran"] += not problems
                figures["returned for some event"] += returned > 0
                for problem in sorted(problems):
                    print(f"{where}: {problem}")
                failed |= bool(problems)
                for key, value in data["statistics"].items():
                    figures[f"calls: {key}"] += value
                for mcv in data["mcvs"] + data["initialisation"]["mcvs"]:
                    kinds[mcv["kind"]] += 1
                    if options.mcvs and mcv["kind"] in ("computed-condition", "external-size", "trip-count"):
                        print(f"{mcv['file']}:{mcv['line']}: {mcv['kind']} {mcv['name']}: {mcv['meaning']}")
                if options.calls:
                    for call in unaccounted_calls(data):
                        figures["calls not accounted for"] += 1
                        print(f"{where}: not accounted for: {call}")
    for key, value in figures.items():
        print(f"{key:>28} {value}")
    if figures["calls: calls"]:
        print(f"{'share resolved':>28} {figures['calls: resolved'] / figures['calls: calls']:.4f}")
    for key, value in sorted(kinds.items()):
        print(f"{'mcvs: ' + key:>28} {value}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
