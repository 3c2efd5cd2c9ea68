"""Compares the evaluation of a formula with SymPy's, in one run, and times ten million samples of a workload.

    python benches/formula_peers.py --meminterface target/release/meminterface [--runs N] [--samples N]

Needs `sympy` and `numpy`, and `cargo`: the Rust side is `cargo bench --no-default-features --bench formula`. SymPy and
Rust take turns; medians over the runs, and the ratio pair by pair. See docs/PERFORMANCE.md.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time
import timeit

import numpy
import sympy

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT = "8*n**2 + 16*n*m + 24*max(n, m) + 112"
ROWS = 1_000_000
UNITS = {"ns": 1.0, "µs": 1e3, "us": 1e3, "ms": 1e6, "s": 1e9}

WORKLOAD = """\
schema = {{ name = "meminterface.workload", version = 1 }}
seed = 1
samples = {samples}
inputs.n = {{ min = 10, max = 2000 }}
"""


def of_sympy():
    """Nanoseconds a value: `subs`, `lambdify` with one value, `lambdify` over arrays (an element)."""
    n, m = sympy.symbols("n m")
    formula = 8 * n**2 + 16 * n * m + 24 * sympy.Max(n, m) + 112
    one = sympy.lambdify((n, m), formula, modules="math")
    columns = sympy.lambdify((n, m), formula, modules="numpy")
    first, second = numpy.arange(ROWS, dtype=float), numpy.arange(ROWS, dtype=float)[::-1].copy()

    def least(call, number):
        return min(timeit.repeat(call, number=number, repeat=5)) / number * 1e9

    return {
        "subs": least(lambda: formula.subs({n: 1000, m: 700}), 200),
        "lambdify": least(lambda: one(1000.0, 700.0), 100_000),
        "lambdify over numpy arrays": least(lambda: columns(first, second), 5) / ROWS,
    }


def of_rust():
    """Nanoseconds a value: `single_value`, `columns` (an element), as divan prints the fastest."""
    command = ["cargo", "bench", "--no-default-features", "--bench", "formula", "--", "single_value", "columns"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in ("single_value", "columns"):
        figure, unit = re.search(rf"{name}\s+([0-9.]+) (ns|µs|us|ms|s)\b", shown).groups()
        found[name] = float(figure) * UNITS[unit]
    found["columns"] /= ROWS
    return found


def workload(meminterface, samples):
    """Seconds for so many samples of an example's whole interface, start of the process included."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "workload.toml"
        file.write_text(WORKLOAD.format(samples=samples))
        command = [meminterface, "predict", str(ROOT / "examples" / "matrix"), "--workload", str(file)]
        begin = time.perf_counter()
        done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=True)
        taken = time.perf_counter() - begin
        return taken, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meminterface", required=True, type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10_000_000)
    options = parser.parse_args()
    of_rust()  # builds it
    pairs = [(of_sympy(), of_rust()) for _ in range(options.runs)]
    print(f"{TEXT}, SymPy {sympy.__version__}, numpy {numpy.__version__}, {options.runs} pairs")
    for theirs, ours in [
        ("subs", "single_value"),
        ("lambdify", "single_value"),
        ("lambdify over numpy arrays", "columns"),
    ]:
        ratios = [peer[theirs] / own[ours] for peer, own in pairs]
        peer, own = (statistics.median(pair[at][name] for pair in pairs) for at, name in ((0, theirs), (1, ours)))
        print(f"{theirs}: {peer:.3g} ns to {own:.3g} ns, {statistics.median(ratios):.3g} times faster")
    taken, prediction = workload(options.meminterface, options.samples)
    print(f"{options.samples} samples of examples/matrix: {taken:.1f} s")
    print(json.dumps({key: prediction[key] for key in ("resident_peak_bytes", "assumptions") if key in prediction}))


if __name__ == "__main__":
    main()
