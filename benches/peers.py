"""Compares `meminterface extract` with its peers, whole process against whole process, in turn.

    python benches/peers.py --meminterface target/release/meminterface [--folder DIR] [--files N] [--runs N]

Peers, from PyPI: `ruff` (on a folder: `ruff check --select F401`, without its cache), `python-scalpel` with `sympy` (on
the published example and on the files of a folder: control-flow graph and one symbol a call; on a folder in one process,
so that its start counts once). Prints medians and the ratio pair by pair; see docs/PERFORMANCE.md.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PUBLISHED = '''\
def handler(event):
    x = f()
    y = g()
    if x > 0:
        z = h()
    else:
        z = i()
    if y > 0:
        w = j()
    else:
        w = k()
    return w + z
'''

# What the prototype of the field does, in the same steps: graph, calls by block, symbols, sums by path.
SCALPEL = '''\
import ast, sys
import sympy as sp
from scalpel.cfg import CFGBuilder

def costs(path):
    graph = CFGBuilder().build_from_file("handler", path)
    for (_, name), function in graph.functioncfgs.items():
        def cost(block, seen):
            total = sum((sp.Symbol(ast.unparse(call.func) + "(...)") for statement in block.statements
                         for call in ast.walk(statement) if isinstance(call, ast.Call)), sp.Integer(0))
            exits = [link for link in block.exits if link.target.id not in seen]
            if not exits:
                return [total]
            return [total + rest for link in exits for rest in cost(link.target, seen | {link.target.id})]
        print(name, cost(function.entryblock, {function.entryblock.id}))

for path in sys.argv[1:]:
    costs(path)
'''


def seconds(command):
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1, 2):
        sys.exit(f"{command}: exit code {done.returncode}")
    return time.perf_counter() - begin


def compare(title, ours, theirs, runs):
    seconds(ours), seconds(theirs)
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{title}: ours {statistics.median(a for a, _ in pairs) * 1e3:.1f} ms, "
          f"peer {statistics.median(b for _, b in pairs) * 1e3:.1f} ms, peer/ours {ratio:.2f} (median of {runs} pairs)")


def make_folder(folder, files):
    """A folder of handlers of three sizes, none like another."""
    for number in range(files):
        lines = ["import json", "import os", "import boto3", "", f"TABLE = os.environ.get('TABLE{number}', 't')",
                 "client = boto3.client('s3')", ""]
        for helper in range(1 + number % 4):
            lines += [f"def helper_{helper}(item, limit={number}):", "    rows = []", "    for row in item['rows']:",
                      f"        if row['size'] > limit + {helper}:", "            rows.append(client.get_object(Bucket=TABLE, Key=row['key']))",
                      "    return rows", ""]
        lines += ["def handler(event, context):", "    body = json.loads(event['body'])", "    results = []",
                  "    try:", "        for record in body['records']:"]
        lines += [f"            results.append(helper_{helper}(record))" for helper in range(1 + number % 4)]
        lines += ["    except KeyError as error:", "        return {'statusCode': 400, 'body': str(error)}",
                  f"    if len(results) > {number}:", "        client.put_object(Bucket=TABLE, Body=json.dumps(results))",
                  "    return {'statusCode': 200, 'body': json.dumps(results)}", ""]
        path = folder / f"service_{number // 100}" / f"handler_{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--meminterface", required=True)
    arguments.add_argument("--folder", help="handlers to read; a generated folder if not given")
    arguments.add_argument("--files", type=int, default=2000, help="files of the generated folder")
    arguments.add_argument("--runs", type=int, default=7)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        folder = scratch / "handlers"
        if options.folder:
            folder = pathlib.Path(options.folder)
        else:
            folder.mkdir()
            make_folder(folder, options.files)
        example = scratch / "published.py"
        example.write_text(PUBLISHED)
        script = scratch / "scalpel_way.py"
        script.write_text(SCALPEL)
        ruff = os.path.join(os.path.dirname(sys.executable), "ruff")
        compare("published example, Scalpel and SymPy", [options.meminterface, "extract", str(example)],
                [sys.executable, str(script), str(example)], options.runs)
        few = scratch / "few"
        few.mkdir()
        make_folder(few, 200)
        compare("200 files of a folder, Scalpel and SymPy in one process",
                [options.meminterface, "extract", str(few), "-o", str(scratch / "out_few")],
                [sys.executable, str(script), *map(str, sorted(few.glob("*/*.py")))], options.runs)
        compare("folder, ruff check --select F401",
                [options.meminterface, "extract", str(folder), "-o", str(scratch / "out")],
                [ruff, "check", "--no-cache", "--isolated", "--select", "F401", str(folder)], options.runs)


if __name__ == "__main__":
    main()
