"""Compares formulas with SymPy and numpy on the same formula, in turn, in one run.

    python -m venv peers && peers/bin/pip install sympy==1.14.0 numpy
    peers/bin/python benches/formula_peers.py [--rounds N]

One value: SymPy's `subs`, its `lambdify` of module `math`, and `benches/formula.rs` (`single_value`, compiled once). A million
rows: `lambdify` of module `numpy`, and `columns`. Prints the median of each over the rounds and the ratio round by round; see
docs/PERFORMANCE.md.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import timeit

import numpy
import sympy

ROWS = 1_000_000
UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def benchmark():
    """The compiled benchmark's file. `cargo` builds it where it must."""
    command = ["cargo", "bench", "--locked", "--no-default-features", "--bench", "formula", "--no-run", "--message-format=json"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return next(one["executable"] for one in found if one.get("target", {}).get("name") == "formula" and one.get("executable"))


def ours(program):
    """Seconds by benchmark: divan's medians."""
    said = subprocess.run([program, "--bench", "single_value", "columns"], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "DIVAN_COLOR": "never"}).stdout
    # NAME  fastest │ slowest │ median │ mean │ …
    rows = re.findall(r"(\w+) +[\d.]+ \w+ +│ [\d.]+ \S+ +│ ([\d.]+) (\S+) ", said)
    found = {name: float(value) * UNITS[unit] for name, value, unit in rows}
    if set(found) != {"single_value", "columns"}:
        sys.exit(f"the benchmark said something else than expected:\n{said}")
    return found


def per_call(function, *arguments):
    """Seconds a call: the median of five measurements of about a tenth of a second."""
    timer = timeit.Timer(lambda: function(*arguments))
    number = max(1, int(0.1 / max(timer.timeit(1), 1e-9)))
    # What the wrapping function takes is not the peer's.
    empty = min(timeit.Timer(lambda: None).repeat(5, number)) / number
    return max(statistics.median(timer.repeat(5, number)) / number - empty, 1e-12)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    program = benchmark()

    n, m = sympy.symbols("n m")
    formula = 8 * n**2 + 16 * n * m + 24 * sympy.Max(n, m) + 112
    by_math = sympy.lambdify((n, m), formula, "math")
    by_numpy = sympy.lambdify((n, m), formula, "numpy")
    values = {n: 1000, m: 700}
    rows = numpy.arange(ROWS, dtype=float)
    columns = (rows, rows[::-1].copy())

    found = {name: [] for name in ("subs", "lambdify", "single_value", "numpy", "columns")}
    for _ in range(options.rounds):
        found["subs"].append(per_call(formula.subs, values))
        found["lambdify"].append(per_call(by_math, 1000.0, 700.0))
        found["numpy"].append(per_call(by_numpy, *columns) / ROWS)
        one = ours(program)
        found["single_value"].append(one["single_value"])
        found["columns"].append(one["columns"] / ROWS)

    def ratio(peer, own):
        return statistics.median(a / b for a, b in zip(found[peer], found[own]))

    print(f"{formula}; {options.rounds} rounds; SymPy {sympy.__version__}, numpy {numpy.__version__}; nanoseconds, medians")
    for peer, own, what in (("subs", "single_value", "one value, subs"), ("lambdify", "single_value", "one value, lambdify"),
                            ("numpy", "columns", f"each of {ROWS:,} rows, lambdify over numpy")):
        times = [statistics.median(found[name]) * 1e9 for name in (peer, own)]
        print(f"  {what:<45} {times[0]:10.1f}   here {times[1]:7.2f}   {ratio(peer, own):8.1f} times faster")


if __name__ == "__main__":
    main()
