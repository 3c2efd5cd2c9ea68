"""The accuracy bench itself: that it measures what it says, and that its statistics are what docs/ACCURACY.md says.

The figures of the bench are not tests: they depend on the machine.
"""

import importlib.util
import json
import math
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BENCH = ROOT / "tests" / "accuracy"
MIB = 1024 * 1024


def load(name):
    spec = importlib.util.spec_from_file_location(f"accuracy_{name}", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load("run")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measuring needs /proc")


def measure(folder, source, event, mode="resident", warm_up=None):
    (folder / "app.py").write_text(source, encoding="utf-8")
    (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
    arguments = [mode, str(folder / "app.py"), "handler", str(folder / "event.json")]
    command = [sys.executable, str(BENCH / "child.py"), *arguments, str(folder / "answer.json")]
    if warm_up is not None:
        (folder / "warm.json").write_text(json.dumps(warm_up), encoding="utf-8")
        command.append(str(folder / "warm.json"))
    subprocess.run(command, check=True)
    return json.loads((folder / "answer.json").read_text(encoding="utf-8"))


@linux
@pytest.mark.parametrize("mode", ["resident", "requested"])
def test_a_block_is_measured_at_its_size(tmp_path, mode):
    source = "def handler(event, context):\n    return len(bytearray(event['n']))\n"
    answer = measure(tmp_path, source, {"n": 50 * MIB}, mode)
    assert answer["error"] is None
    assert answer["peak_bytes"] == pytest.approx(50 * MIB, rel=0.02)


@linux
def test_requested_memory_that_is_never_touched_is_not_resident(tmp_path):
    source = "def handler(event, context):\n    return len(bytes(event['n']))\n"
    assert measure(tmp_path, source, {"n": 50 * MIB})["peak_bytes"] < MIB
    assert measure(tmp_path, source, {"n": 50 * MIB}, "requested")["peak_bytes"] > 49 * MIB


@linux
def test_what_the_module_holds_and_what_was_used_before_the_call_does_not_count(tmp_path):
    source = "TABLE = bytearray(30 << 20)\nbytearray(60 << 20)\ndef handler(event):\n    return len(TABLE)\n"
    assert measure(tmp_path, source, {})["peak_bytes"] < MIB


@linux
def test_a_call_before_the_measured_one_takes_the_first_use_away(tmp_path):
    source = "KEPT = []\ndef handler(event, context):\n    if not KEPT:\n        KEPT.append(bytearray(20 << 20))\n"
    assert measure(tmp_path, source, {})["peak_bytes"] > 19 * MIB
    assert measure(tmp_path, source, {}, warm_up={})["peak_bytes"] < MIB


@linux
def test_a_handler_that_fails_is_reported(tmp_path):
    answer = measure(tmp_path, "def handler(event, context):\n    return event['n']\n", {})
    assert answer["error"] == "KeyError: 'n'"


@pytest.mark.parametrize(("folder", "least"), [(BENCH, 5), (BENCH / "libraries", 4)])
def test_every_handler_has_events_and_every_event_a_handler(folder, least):
    registry = run.load_events(folder)
    handlers = {path.stem for path in (folder / "handlers").glob("*.py")}
    assert handlers == set(registry.events) - set(registry.files)
    for name, (file, function) in registry.files.items():
        assert (ROOT / file).exists(), name
        assert function in (ROOT / file).read_text(encoding="utf-8"), name
    for name, points in registry.events.items():
        assert len(points) >= least, f"{name} has fewer than {least} sizes"
        assert len({label for label, _, _ in points}) == len(points), name


def test_an_event_is_the_same_on_every_run():
    one, two = run.load_events(BENCH), run.load_events(BENCH)
    for name in ("csv_parse", "word_count", "sort_records"):
        _, size, make = one.events[name][0]
        _, _, again = two.events[name][0]
        assert make(size) == again(size), name


def point(measured, **predicted):
    return {"measured": measured, "predicted": {"min": None, "expected": None, "max": None, **predicted}}


def judged(measured, **predicted):
    one = point(measured, **predicted)
    run.judge(one)
    return one


def test_the_expected_value_is_compared_where_there_is_one():
    assert judged(100 * MIB, expected=90 * MIB, max=200 * MIB)["error"] == pytest.approx(0.1)
    assert judged(100 * MIB, max=120 * MIB)["error"] == pytest.approx(0.2)


def test_no_answer_is_a_miss_and_no_bound_is_not_respected():
    nothing = judged(100 * MIB)
    assert math.isinf(nothing["error"]) and not nothing["bounded"]
    unbounded = judged(100 * MIB, expected=100 * MIB)
    assert unbounded["error"] == 0 and not unbounded["bounded"] and math.isinf(unbounded["bound_ratio"])


def test_only_growth_of_more_than_4_mib_is_scored():
    assert not judged(4 * MIB, max=1)["scored"]
    assert judged(4 * MIB + 1, max=1)["scored"]


def test_a_share_of_misses_above_5_percent_leaves_no_95th_percentile():
    good = [judged(100 * MIB, expected=101 * MIB, max=110 * MIB) for _ in range(94)]
    total = run.summary(good + [judged(100 * MIB)] * 6)
    assert total["unanswered"] == 6
    assert total["median_error"] == pytest.approx(0.01)
    assert math.isinf(total["error_95"])
    assert total["bounded"] == pytest.approx(0.94)
    assert total["bound_ratio"] == pytest.approx(1.1)


def test_the_percentile_is_by_nearest_rank():
    assert run.percentile(range(1, 101), 0.95) == 95
    assert run.percentile([3.0], 0.95) == 3.0
    assert run.percentile([1, 2, 3, 4], 0.5) == 2


def test_the_answer_of_predict_is_read(tmp_path):
    """A command that answers as predict does stands in for it."""
    answer = {
        "resident_peak_bytes": {"min": 1, "expected": None, "max": 3},
        "peak_bytes": {"min": 1, "expected": 2, "max": 4},
        "unknown": [{"symbol": "rows", "line": 7, "cause": "a file"}],
    }
    command = tmp_path / "meminterface"
    command.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(answer))})\n", encoding="utf-8")
    command.chmod(0o755)

    class Options:
        meminterface = str(command)
        timeout = 30

    found = run.predicted("app.py", "event.json", "3.11", Options)
    assert (found["min"], found["expected"], found["max"]) == (1, None, 3)
    assert found["unknown"] == ["rows (line 7): a file"]
    command.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('error: no handler')\n", encoding="utf-8")
    assert "no handler" in run.predicted("app.py", "event.json", "3.11", Options)["reason"]
