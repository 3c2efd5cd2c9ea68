"""Compares `meminterface calls` with the expected call graphs of a micro-benchmark in PyCG's layout.

    python3 tests/python/check_calls.py path/to/PyCG/micro-benchmark/snippets

Below the folder, a case is a folder `category/case` with `main.py` and `callgraph.json`. With `--truth FOLDER` the
expected graphs are in a tree of their own (Jarvis keeps them so). The edges of all callers count. A case is
- complete: every edge of a caller that the expected graph knows is expected;
- sound: every expected edge is there;
- exact: the edges are the same.
Prints a table by category, and each difference with `--verbose`. Runs none of the code.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path


def edges(graph):
    return {(caller, callee) for caller, callees in graph.items() for callee in callees}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--truth", type=Path, help="where the expected graphs are, if not beside the code")
    parser.add_argument("--command", default="target/debug/meminterface", help="the command")
    parser.add_argument("--verbose", action="store_true", help="print each difference")
    arguments = parser.parse_args()

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
        command = [arguments.command, "calls", str(code / "main.py"), "--package", str(code)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if run.returncode != 0:
            sys.exit(f"{category}/{case}: exit code {run.returncode}\n{run.stderr}")
        expected = json.loads(truth.read_text())
        found, wanted = edges(json.loads(run.stdout)), edges(expected)
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
