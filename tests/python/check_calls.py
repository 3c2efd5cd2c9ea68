"""Compares `meminterface calls` with the expected call graphs of a micro-benchmark in PyCG's layout.

    python3 tests/python/check_calls.py path/to/PyCG/micro-benchmark/snippets

Below the folder, a case is a folder `category/case` with `main.py` and `callgraph.json`. With `--truth FOLDER` the
expected graphs are in a tree of their own (Jarvis keeps them so). The edges of all callers count. A case is
- complete: every edge of a caller that the expected graph knows is expected;
- sound: every expected edge is there;
- exact: the edges are the same.
Prints a table by category, and each difference with `--verbose`. Runs none of the code.

    python3 tests/python/check_calls.py --run path/to/PyCG/micro-benchmark/snippets

compares with what CPython does instead: RUNS every `main.py` below the folder under tests/calls/trace_calls.py (Python
3.11 or later), and counts the calls between its functions that the graph lacks.

    python3.12 tests/python/check_calls.py --stdlib

does the same for modules of this Python's standard library: each program of tests/calls/stdlib/ is run beside a copy of
the modules that its first line names.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

STDLIB = Path(__file__).resolve().parents[1] / "calls" / "stdlib"
TRACER = Path(__file__).resolve().parents[1] / "calls" / "trace_calls.py"


def edges(graph):
    return {(caller, callee) for caller, callees in graph.items() for callee in callees}


def graph_of(command, folder):
    run = [command, "calls", str(folder / "main.py"), "--package", str(folder)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"{folder}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def copy_stdlib(folder):
    """Makes a case of each program for the standard library."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for program in sorted(STDLIB.glob("*_program.py")):
        case = folder / program.stem
        case.mkdir(parents=True)
        text = program.read_text()
        (case / "main.py").write_text(text)
        for name in text.splitlines()[0].partition(": ")[2].split():
            target = case / name
            if (library / name).is_dir():
                shutil.copytree(library / name, target, ignore=shutil.ignore_patterns("__pycache__", "test", "tests"))
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy(library / name, target)


def compare_with_runs(arguments):
    made, missing, failed = 0, 0, 0
    for main in sorted(arguments.folder.glob("*/main.py") if arguments.stdlib else arguments.folder.rglob("main.py")):
        folder = main.parent
        try:
            run = [sys.executable, "-W", "ignore", str(TRACER), str(folder), str(main)]
            done = subprocess.run(run, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
            calls = {tuple(edge) for edge in json.loads(done.stdout)["edges"]}
        except (subprocess.TimeoutExpired, ValueError):
            failed += 1
            continue
        plain = lambda name: re.sub(r"<lambda\d+>", "<lambda>", name)
        found = {(plain(a), plain(b)) for a, b in edges(graph_of(arguments.command, folder))}
        found |= {("*", callee) for _, callee in found}
        made += len(calls)
        missing += len(calls - found)
        if arguments.verbose and calls - found:
            print(f"{folder}: missing {sorted(calls - found)}")
    print(f"{made} calls were made, {missing} of them are not in the graphs; {failed} programs gave no trace")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="the cases")
    parser.add_argument("--truth", type=Path, help="where the expected graphs are, if not beside the code")
    parser.add_argument("--command", default="target/debug/meminterface", help="the command")
    parser.add_argument("--verbose", action="store_true", help="print each difference")
    parser.add_argument("--run", action="store_true", help="run the programs, and compare with the calls made")
    parser.add_argument("--stdlib", action="store_true", help="run the programs for the standard library")
    arguments = parser.parse_args()
    if arguments.stdlib:
        with tempfile.TemporaryDirectory() as folder:
            arguments.folder = Path(folder)
            copy_stdlib(arguments.folder)
            compare_with_runs(arguments)
        return
    if arguments.folder is None:
        parser.error("a folder is needed, or --stdlib")
    if arguments.run:
        compare_with_runs(arguments)
        return

    rows = {}
    for truth in sorted((arguments.truth or arguments.folder).glob("*/*/callgraph.json")):
        category, case = truth.parts[-3:-1]
        # One published tree spells a category with a space in one place and an underscore in the other.
        candidates = [arguments.folder / name / case for name in (category, category.replace("_", " "))]
        candidates += [folder / case for folder in arguments.folder.glob("*") if folder.name.replace(" ", "_") == category]
        code = next((path for path in candidates if (path / "main.py").is_file()), None)
        if code is None:
            print(f"{category}/{case}: no main.py", file=sys.stderr)
            continue
        expected = json.loads(truth.read_text())
        found, wanted = edges(graph_of(arguments.command, code)), edges(expected)
        extra = {edge for edge in found - wanted if edge[0] in expected}
        row = rows.setdefault(category, [0, 0, 0, 0])
        for column, holds in enumerate([True, not extra, wanted <= found, found == wanted]):
            row[column] += holds
        if arguments.verbose and found != wanted:
            print(f"{category}/{case}: not expected {sorted(found - wanted)}, missing {sorted(wanted - found)}")

    if not rows:
        sys.exit(f"{arguments.folder}: no cases")
    rows["all"] = [sum(column) for column in zip(*rows.values())]
    print(f"{'category':20} {'cases':>6} {'complete':>9} {'sound':>6} {'exact':>6}")
    for category, row in rows.items():
        print(f"{category:20} {row[0]:6} {row[1]:9} {row[2]:6} {row[3]:6}")


if __name__ == "__main__":
    main()
