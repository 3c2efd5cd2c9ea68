"""`meminterface learn` really traces: a workload on the standard library, in this interpreter, and what comes out."""

import json
import subprocess
import sys

import pytest
from test_schemas import command

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tracing needs Linux")

WORKLOAD = '''
import os, sys, time
from meminterface_workloads import call, choice, kind, sizes, workload


class Box:
    def __init__(self, n):
        self.n, self.kept = n, []

    def fill(self):
        self.kept.append(bytearray(self.n * 16))
        return self


kind(Box, "boxes.Box", size=lambda box: box.n)


def table(rows, columns):
    return bytearray(rows * columns * 8 + 1000)


workload("boxes.table", rows=sizes(100, 2000), columns=sizes(10, 300))(lambda rng, rows, columns: call(table, rows, columns))
workload("boxes.Box.fill", n=sizes(1000, 200_000))(lambda rng, n: call(Box(n).fill))
'''

BAD = '''
import os, sys, threading, time
from meminterface_workloads import call, choice, sizes, workload


def misbehave(how, n):
    if how == "raise":
        raise ValueError("no such thing")
    if how == "hang":
        time.sleep(60)
    if how == "print":
        print("a line on standard output", flush=True)
        print("and one on standard error", file=sys.stderr, flush=True)
    if how == "thread":
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    if how == "fork" and os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    if how == "crash":
        os.abort()
    if how == "memory":
        return bytearray(1 << 45)
    return bytearray(n)


for how in ("raise", "hang", "print", "thread", "fork", "crash", "memory"):
    workload(f"bad.{how}", limit=0.5, warm=False, repetitions=1, points=[{"n": n} for n in (1000, 20_000, 300_000, 4_000_000, 8_000_000)])(
        lambda rng, n, how=how: call(misbehave, how, n))
'''


def learn(folder, *words):
    return subprocess.run(
        [command(), "learn", *map(str, words), "--python", sys.executable, "-o", "out"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boxes")
    (folder / "boxes.py").write_text(WORKLOAD)
    return folder, learn(folder, "./boxes.py", "--quick", "--format", "json", "--traces", "traces")


def test_the_formula_of_the_code_is_found(boxes):
    folder, done = boxes
    assert done.returncode == 0, done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)["callables"]}
    entry = found["boxes.table"]["entries"][0]
    assert entry["peak"].startswith("8*columns*rows"), entry["peak"]
    assert entry["heldout_median_error"] < 0.01
    assert entry["weak"] is None
    assert "boxes.Box.fill" in found


def test_what_grows_in_the_receiver_is_an_effect(boxes):
    folder, _ = boxes
    text = (folder / "out" / "boxes.toml").read_text()
    assert 'effects = [{ on = "self", grow = "16*self.size' in text
    assert 'result = "self"' in text


def test_traces_have_their_schema_and_are_not_made_twice(boxes):
    folder, _ = boxes
    file = folder / "traces" / "boxes" / "boxes.table.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        assert line["unit"] == "bytes" and line["outcome"] == "returned"
        assert line["peak_bytes"] <= line["demand_bytes"] if line["demand_bytes"] is not None else True
        assert set(line["features"]) == {"rows", "columns"}
        # The array is touched only where it is written: bytearray's zeros are.
        assert line["resident_peak_bytes"] >= 0
    before = file.read_text()
    # A line that was cut short is made again; nothing else is.
    file.write_text(before[: before.rstrip("\n").rfind("\n") + 20])
    again = learn(folder, "./boxes.py", "--quick", "--format", "json", "--traces", "traces", "--replace")
    assert again.returncode == 0, again.stderr
    made = file.read_text()
    assert made.splitlines()[:-1] == before.splitlines()[:-1]
    assert len(made.splitlines()) == len(lines)


def test_the_check_passes_on_what_was_learned(boxes):
    folder, _ = boxes
    done = learn(folder, "./boxes.py", "--quick", "--traces", "traces", "--check", "--contracts", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 contracts tried, 0 do not fit" in done.stdout


def test_what_misbehaves_is_recorded_and_the_others_go_on(tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    done = learn(tmp_path, "./bad.py", "--traces", "traces", "--format", "json")
    assert done.returncode == 1, done.stderr
    found = {one["name"].split(".")[1]: one for one in json.loads(done.stdout)["callables"]}
    assert list(found["raise"]["failed"]) == ["raised: ValueError: no such thing"]
    assert list(found["hang"]["failed"]) == ["timed-out: after 0.5 s"]
    assert list(found["crash"]["failed"])[0].startswith("crashed")
    assert list(found["memory"]["failed"])[0].startswith("out-of-memory")
    assert found["print"]["returned"] == 5 and "printed" in found["print"]["notes"]
    assert found["thread"]["returned"] == 5 and "left 1 threads" in found["thread"]["notes"]
    assert found["fork"]["returned"] == 5 and "left child processes" in found["fork"]["notes"]
    assert "bad.hang: 5 calls did not return" in done.stderr


def test_a_library_that_is_not_installed_is_named(tmp_path):
    (tmp_path / "absent.py").write_text("import a_library_that_nobody_has\n")
    done = learn(tmp_path, "./absent.py", "--traces", "traces")
    assert done.returncode != 0
    assert "a_library_that_nobody_has is not installed" in done.stderr
