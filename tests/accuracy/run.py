"""The accuracy bench: what `meminterface predict` says beforehand, against what a real call takes (docs/ACCURACY.md).

    python tests/accuracy/run.py                        every handler
    python tests/accuracy/run.py --only 'np_*'          some of them
    python tests/accuracy/run.py --measure-only         no predictions: only how stable the measurements are
    python tests/accuracy/run.py --write-docs           the table goes into docs/ACCURACY.md

Each point is a handler with an event of one size. Its call is measured in fresh processes of `--python` (child.py); what
was measured is kept in target/accuracy/ and measured again when handler, event or versions change, or with --fresh.
Handlers from elsewhere: `--folder DIR` with DIR/events.py of the same form and DIR/handlers/*.py.

Linux only: it reads the high-water mark of /proc. Exit code 1 if a handler fails or --goals is given and not met.
"""

import argparse
import concurrent.futures
import datetime
import fnmatch
import hashlib
import importlib.util
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KEPT = os.path.join(ROOT, "target", "accuracy")
DOCS = os.path.join(ROOT, "docs", "ACCURACY.md")
MIB = 1024 * 1024
# Below this growth a point is noise: the slack of an arena or of the heap decides it. It is shown, and not scored.
SCORED_FROM = 4 * MIB
# What the project set out to reach (docs/ACCURACY.md).
GOALS = {"median_error": 0.05, "error_95": 0.15, "bounded": 0.98, "bound_ratio": 1.3}
ENTRY_POINTS = ("lambda_handler", "handler", "main")


# --- points ------------------------------------------------------------------------------------------------------------


def load_events(folder):
    """The `REGISTRY` of a folder's events.py, which imports `registry` from here."""
    if HERE not in sys.path:
        sys.path.append(HERE)
    spec = importlib.util.spec_from_file_location("accuracy_events", os.path.join(folder, "events.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.REGISTRY


def entry_point(path):
    """The function that the platform calls: the first of the usual names that the file defines."""
    with open(path, encoding="utf-8") as file:
        defined = re.findall(r"^(?:async )?def (\w+)", file.read(), re.MULTILINE)
    return next((name for name in ENTRY_POINTS if name in defined), None)


def needs(path):
    """The libraries of a handler that a plain Python does not have."""
    with open(path, encoding="utf-8") as file:
        roots = set(re.findall(r"^\s*(?:from|import) (\w+)", file.read(), re.MULTILINE))
    return {package for package, root in (("numpy", "numpy"), ("pillow", "PIL")) if root in roots}


def collect(folder, pattern):
    """The handlers of a folder as (name, file, function, [(label, event)])."""
    registry = load_events(folder)
    handlers = []
    for name in registry.events:
        if not any(fnmatch.fnmatch(name, part) for part in pattern.split(",")):
            continue
        if name in registry.files:
            file, function = registry.files[name]
            handlers.append((name, os.path.join(ROOT, file), function, registry.points(name)))
            continue
        path = os.path.join(folder, "handlers", name + ".py")
        if not os.path.exists(path):
            raise SystemExit(f"run.py: {folder}/events.py has events for {name}, and there is no {path}")
        function = entry_point(path)
        if function is None:
            raise SystemExit(f"run.py: {path} defines none of {', '.join(ENTRY_POINTS)}")
        try:
            handlers.append((name, path, function, registry.points(name)))
        except ImportError as error:
            print(f"run.py: {name} is left out: its events need {error.name}", file=sys.stderr)
    return handlers


# --- measuring ---------------------------------------------------------------------------------------------------------


def child(python, arguments):
    with tempfile.NamedTemporaryFile("r", suffix=".json", encoding="utf-8") as answer:
        outcome = subprocess.run(
            [python, os.path.join(HERE, "child.py"), *arguments, answer.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"},
        )
        text = answer.read()
    if outcome.returncode != 0 or not text:
        return {"error": f"exit code {outcome.returncode}: {outcome.stderr.strip()[-300:]}", "peak_bytes": None}
    return json.loads(text)


def versions(python):
    program = (
        "import json, platform, importlib.metadata as m\n"
        "def v(n):\n"
        "    try: return m.version(n)\n"
        "    except m.PackageNotFoundError: return None\n"
        "print(json.dumps({'python': platform.python_version(), 'numpy': v('numpy'), 'pillow': v('pillow'),"
        " 'libc': ' '.join(platform.libc_ver()), 'kernel': platform.release(), 'machine': platform.machine()}))"
    )
    found = json.loads(subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout)
    found["cpus"] = os.cpu_count()
    return found


def measured(handler, label, event_path, environment, options):
    """The measurement of one point, from what was kept or anew."""
    name, path, function, _ = handler
    digest = hashlib.sha256(json.dumps(environment, sort_keys=True).encode())
    # A handler of the bench is one file; an application is its folder.
    folder = os.path.dirname(path)
    own = [os.path.basename(path)] if os.path.basename(folder) == "handlers" else sorted(os.listdir(folder))
    for source in [os.path.join(folder, file) for file in own if file.endswith(".py")] + [event_path]:
        with open(source, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    key = digest.hexdigest()
    kept_path = os.path.join(KEPT, "measured", f"{name}-{label}.json")
    result = {"key": key, "resident": [], "requested": None, "error": None}
    try:
        with open(kept_path, encoding="utf-8") as file:
            kept = json.load(file)
        if kept["key"] == key and not options.fresh:
            result = kept
    except (OSError, ValueError, KeyError):
        pass
    missing = options.repeat - len(result["resident"])
    trace = options.requested and result["requested"] is None
    for _ in range(missing):
        answer = child(options.python, ["resident", path, function, event_path])
        if answer["error"]:
            return {**result, "error": answer["error"]}
        result["resident"].append(answer["peak_bytes"])
    if trace:
        result["requested"] = child(options.python, ["requested", path, function, event_path])["peak_bytes"]
    if missing > 0 or trace:
        os.makedirs(os.path.dirname(kept_path), exist_ok=True)
        with open(kept_path + ".new", "w", encoding="utf-8") as file:
            json.dump(result, file)
        os.replace(kept_path + ".new", kept_path)
    return result


# --- predicting --------------------------------------------------------------------------------------------------------


def predicted(path, event_path, python_version, options):
    """What predict answers: min, expected, max of the resident peak in bytes; or why there is no answer."""
    command = [options.meminterface, "predict", path, "--event", event_path, "--format", "json"]
    command += ["--python-version", python_version]
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=options.timeout)
    except subprocess.TimeoutExpired:
        return {"reason": f"no answer within {options.timeout} s"}
    if outcome.returncode != 0:
        lines = [line for line in outcome.stderr.strip().splitlines() if line.strip()] or ["no message"]
        return {"reason": f"exit code {outcome.returncode}: {lines[0][:200]}"}
    try:
        answer = json.loads(outcome.stdout)
        # One handler: an object; several: the first that is the entry point.
        if isinstance(answer.get("handlers"), list):
            answer = answer["handlers"][0]
        resident = answer["resident_peak_bytes"] or {}
        peak = answer.get("peak_bytes") or {}
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        return {"reason": f"its output was not understood: {type(error).__name__} {error}"}
    unknown = [f"{u.get('symbol')} (line {u.get('line')}): {u.get('cause')}" for u in answer.get("unknown") or []]
    found = {key: resident.get(key) for key in ("min", "expected", "max")}
    found["peak"] = {key: peak.get(key) for key in ("min", "expected", "max")}
    found["unknown"] = unknown
    if found["expected"] is None and found["max"] is None:
        found["reason"] = "unbounded" + (": " + unknown[0][:200] if unknown else "")
    return found


def judge(point):
    """Adds to a point what the comparison gives. A point without an answer is a miss: an error without bound."""
    real, guess = point["measured"], point["predicted"]
    value = guess.get("expected") if guess.get("expected") is not None else guess.get("max")
    point["scored"] = real > SCORED_FROM
    point["error"] = math.inf if value is None else abs(value - real) / real if real > 0 else 0.0
    bound = guess.get("max")
    point["bounded"] = bound is not None and real <= bound
    point["bound_ratio"] = bound / real if bound is not None and real > 0 else math.inf


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def summary(points):
    scored = [point for point in points if point["scored"]]
    if not scored:
        return {"points": len(points), "scored": 0}
    errors = [point["error"] for point in scored]
    return {
        "points": len(points),
        "scored": len(scored),
        "unanswered": sum(math.isinf(error) for error in errors),
        "median_error": statistics.median_low(errors),
        "error_95": percentile(errors, 0.95),
        "worst_error": max(errors),
        "bounded": sum(point["bounded"] for point in scored) / len(scored),
        "bound_ratio": statistics.median_low(point["bound_ratio"] for point in scored),
    }


# --- reporting ---------------------------------------------------------------------------------------------------------


def percent(share):
    return "none" if math.isinf(share) else f"{100 * share:.1f}%"


def mib(size):
    return f"{size / MIB:.1f}"


def ratio(value):
    return "none" if math.isinf(value) else f"{value:.2f}"


def spread(values):
    return (max(values) - min(values)) / statistics.median(values) if statistics.median(values) > 0 else 0.0


def overall(total):
    if not total.get("scored"):
        return "No point grows by more than 4 MiB."
    met = {
        "median_error": total["median_error"] <= GOALS["median_error"],
        "error_95": total["error_95"] <= GOALS["error_95"],
        "bounded": total["bounded"] >= GOALS["bounded"],
        "bound_ratio": total["bound_ratio"] <= GOALS["bound_ratio"],
    }
    rows = [
        ("median error", percent(total["median_error"]), "at most 5%", met["median_error"]),
        ("95th percentile of the error", percent(total["error_95"]), "at most 15%", met["error_95"]),
        ("measured at most the upper bound", percent(total["bounded"]), "at least 98%", met["bounded"]),
        ("median of upper bound / measured", ratio(total["bound_ratio"]), "at most 1.3", met["bound_ratio"]),
        ("points without an answer", str(total["unanswered"]), "counted as misses", None),
    ]
    lines = [f"| over {total['scored']} points of {total['points']} that grow by more than 4 MiB | | goal | |", "| --- | --- | --- | --- |"]
    lines += [f"| {what} | {figure} | {goal} | {'' if ok is None else 'met' if ok else 'not met'} |" for what, figure, goal, ok in rows]
    return "\n".join(lines)


def table(results):
    lines = [
        "| handler | points scored | measured, MiB | median error | worst error | at most the bound | bound / measured |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, points in results:
        total = summary(points)
        grown = [point["measured"] for point in points]
        extent = f"{mib(min(grown))} – {mib(max(grown))}"
        if not total["scored"]:
            under = sum(point["bounded"] for point in points)
            lines.append(f"| {name} | 0 of {total['points']} | {extent} | – | – | {under} of {total['points']} | – |")
            continue
        lines.append(
            f"| {name} | {total['scored']} of {total['points']} | {extent} | {percent(total['median_error'])} | "
            f"{percent(total['worst_error'])} | {percent(total['bounded'])} | {ratio(total['bound_ratio'])} |"
        )
    return "\n".join(lines)


def show(name, points, options):
    for point in points:
        guess = point["predicted"] or {}
        line = f"{name:18} {point['label']:>10} {mib(point['measured']):>8} MiB"
        line += f" (±{100 * point['spread'] / 2:.1f}%"
        line += f", requested {mib(point['requested'])})" if point["requested"] is not None else ")"
        if point["predicted"] is not None:
            if guess.get("reason"):
                line += f"  no answer: {guess['reason']}"
            if guess.get("expected") is not None or guess.get("max") is not None:
                value = guess["expected"] if guess.get("expected") is not None else guess["max"]
                line += f"  predicted {mib(value)}"
                if guess.get("max") is not None:
                    line += f" [{mib(guess.get('min') or 0)}, {mib(guess['max'])}]"
                line += f" error {percent(point['error'])}{'' if point['bounded'] else ' OVER THE BOUND'}"
            for unknown in guess.get("unknown", [])[:3] if options.verbose else ():
                line += f"\n{'':30} unknown {unknown}"
        print(line, flush=True)


def write_docs(text):
    with open(DOCS, encoding="utf-8") as file:
        page = file.read()
    begin, end = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"
    if begin not in page or end not in page:
        raise SystemExit(f"run.py: {DOCS} has no {begin} … {end}")
    page = page[: page.index(begin) + len(begin)] + "\n" + text + "\n" + page[page.index(end) :]
    with open(DOCS + ".new", "w", encoding="utf-8") as file:
        file.write(page)
    os.replace(DOCS + ".new", DOCS)


def binary():
    for build in ("release", "debug"):
        path = os.path.join(ROOT, "target", build, "meminterface")
        if os.path.exists(path):
            return path
    return "meminterface"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of handlers, with * and ?, by commas")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the handlers")
    parser.add_argument("--meminterface", default=None, help="the command (default: the newest build in target/)")
    parser.add_argument("--folder", default=HERE, help="a folder with events.py and handlers/")
    parser.add_argument("--repeat", type=int, default=3, help="fresh processes a point; the median counts (3)")
    parser.add_argument("--requested", action="store_true", help="measure with tracemalloc too (slow)")
    parser.add_argument("--fresh", action="store_true", help="measure again what was kept")
    parser.add_argument("--measure-only", action="store_true", help="no predictions")
    parser.add_argument("--timeout", type=float, default=120, help="seconds that a prediction may take (120)")
    parser.add_argument("--jobs", type=int, default=1, help="predictions at once; measurements are one at a time (1)")
    parser.add_argument("--json", metavar="FILE", help="all points, as JSON")
    parser.add_argument("--verbose", action="store_true", help="with what predict did not know")
    parser.add_argument("--date", default=None, help="the date to write (default: today)")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/ACCURACY.md")
    parser.add_argument("--goals", action="store_true", help="exit code 1 unless the goals are met")
    options = parser.parse_args()
    options.meminterface = options.meminterface or binary()
    if not sys.platform.startswith("linux"):
        raise SystemExit("run.py: measuring needs Linux (/proc/self/clear_refs)")

    environment = versions(options.python)
    python_version = ".".join(environment["python"].split(".")[:2])
    handlers = collect(options.folder, options.only)
    if not handlers:
        raise SystemExit(f"run.py: no handler is called {options.only}")
    if not options.measure_only:
        found = subprocess.run([options.meminterface, "predict", "--help"], capture_output=True, check=False)
        if found.returncode != 0:
            raise SystemExit(f"run.py: {options.meminterface} has no `predict` (build it, or --measure-only)")

    results, failed = [], False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for handler in handlers:
            name, path, _, labelled = handler
            missing = needs(path) - {module for module in ("numpy", "pillow") if environment[module]}
            if missing:
                print(f"{name}: left out, {options.python} has no {' and no '.join(sorted(missing))}", flush=True)
                continue
            folder = os.path.join(KEPT, "events")
            os.makedirs(folder, exist_ok=True)
            waiting = []
            for label, event in labelled:
                event_path = os.path.join(folder, f"{name}-{label}.json")
                with open(event_path, "w", encoding="utf-8") as file:
                    json.dump(event, file)
                real = measured(handler, label, event_path, environment, options)
                if real["error"]:
                    print(f"{name} {label}: the handler failed: {real['error']}", flush=True)
                    failed = True
                    continue
                guess = None
                if not options.measure_only:
                    guess = pool.submit(predicted, path, event_path, python_version, options)
                waiting.append((label, real, guess))
            points = []
            for label, real, guess in waiting:
                point = {
                    "label": label,
                    "measured": statistics.median_low(real["resident"]),
                    "spread": spread(real["resident"]),
                    "requested": real["requested"],
                    "predicted": guess.result() if guess else None,
                }
                if guess:
                    judge(point)
                points.append(point)
            show(name, points, options)
            if points:
                results.append((name, points))

    everything = [point for _, points in results for point in points]
    if options.measure_only:
        large = [point["spread"] for point in everything if point["measured"] > SCORED_FROM]
        if large:
            print(
                f"\n{len(large)} of {len(everything)} points grow by more than 4 MiB. (largest - smallest) / median of "
                f"{options.repeat} runs: median {percent(statistics.median(large))}, "
                f"95th percentile {percent(percentile(large, 0.95))}, largest {percent(max(large))}"
            )
        return int(failed)

    total = summary(everything)
    with open(os.path.join("/sys/kernel/mm/transparent_hugepage/enabled"), encoding="ascii") as file:
        huge = re.search(r"\[(\w+)\]", file.read())
    libraries = f"CPython {environment['python']}, numpy {environment['numpy']}, pillow {environment['pillow']}"
    platform = f"{environment['libc']}, Linux {environment['kernel'].split('-')[0]} on {environment['machine']}, "
    platform += f"{environment['cpus']} processors, transparent huge pages: {huge.group(1) if huge else 'unknown'}"
    date = options.date or datetime.date.today().isoformat()
    text = f"Measured {date} with `python tests/accuracy/run.py --write-docs`: {libraries}; {platform}.\n\n"
    text += overall(total) + "\n\n" + table(results)
    print("\n" + text)
    if options.json:
        document = {"schema": "meminterface.accuracy/1", "date": date, "environment": environment, "summary": total,
                    "handlers": [{"name": name, "summary": summary(points), "points": points} for name, points in results]}
        with open(options.json, "w", encoding="utf-8") as file:
            # An error without bound is null: JSON has no infinity.
            json.dump(finite(document), file, indent=1, allow_nan=False)
    if options.write_docs:
        write_docs(text)
    missed = not total.get("scored") or total["median_error"] > GOALS["median_error"] or total["error_95"] > GOALS["error_95"]
    missed = missed or total["bounded"] < GOALS["bounded"] or total["bound_ratio"] > GOALS["bound_ratio"]
    return int(failed or (options.goals and missed))


def finite(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
