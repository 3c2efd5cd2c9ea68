"""`meminterface learn --engine dask` on a cluster of two workers: what one machine learns, with summaries and without."""

import json
import subprocess
import sys

import pytest
from test_schemas import command

pytest.importorskip("distributed", reason='needs `pip install "dask[distributed]"`')


def trace(callable_, n, m, peak):
    return {
        "callable": callable_, "library": "mylib", "library_version": "2.1.0", "python": "3.12.1", "method": "memray",
        "parameters": ["table"], "features": {"table.rows": n, "table.columns": m}, "demand_bytes": peak + 10, "peak_bytes": peak,
        "call": {"callable": callable_, "positional": [{"kind": "mylib.Table", "features": {"rows": n, "columns": m}}],
                 "keywords": {}, "values": {}},
        "result": {"kind": "mylib.Table", "features": {"rows": n, "columns": m}}, "result_bytes": peak,
    }


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """Three callables, spread over three files, and a line that is none."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "traces").mkdir()
    lines = []
    for k in range(120):
        n, m = 100 + (k * 7919) % 9973, 1 + (k * 31) % 29
        lines.append(trace("mylib.smooth", n, m, 8 * n * m + 1200))
        lines.append(trace("mylib.copy", n, m, round(24 * n * (1 + 0.03 * ((k * 17) % 13) / 13)) + 5000))
        if k % 2:
            lines.append(trace("mylib.sort", n, m, 16 * n + 64 * m))
    for part in range(3):
        text = "".join(json.dumps(line) + "\n" for line in lines[part::3])
        (folder / "traces" / f"{part}.jsonl").write_text(text + ("{broken\n" if part == 1 else ""))
    return folder


def learn(folder, out, *words, traces="traces"):
    words = [command(), "learn", "--traces", traces, "-o", out, "--python", sys.executable, "--format", "json", *words]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr  # the broken line is left out, and said
    return json.loads(done.stdout), (folder / out / "mylib.toml").read_text()


@pytest.mark.parametrize("more", [[], ["--most-traces", "40"]], ids=["all traces", "summaries"])
def test_a_cluster_learns_what_one_machine_learns(traces, more):
    name = "few" if more else "all"
    alone, contract = learn(traces, f"alone-{name}", *more)
    cluster, joined = learn(traces, f"cluster-{name}", "--engine", "dask", "--jobs", "2", *more)
    assert joined == contract
    assert "mylib.smooth" in joined and "mylib.copy" in joined and "mylib.sort" in joined
    by_name = lambda answer: {one["name"]: one for one in answer["callables"]}  # noqa: E731
    assert by_name(alone) == by_name(cluster)
    kept = by_name(cluster)["mylib.smooth"]["returned"]
    assert 40 <= kept <= 46 if more else kept == 120
    assert [problem["message"] for problem in cluster["left_out"]] == [problem["message"] for problem in alone["left_out"]]
    assert not list((traces / f"cluster-{name}").glob(".parts-*")), "what lies between is gone"


def test_parts_of_very_many_files_are_summarised_in_a_tree(traces):
    """More parts of a callable than one worker reads (100): they are merged first, and the contracts are the same."""
    (traces / "many").mkdir()
    for number, line in enumerate((traces / "traces" / "0.jsonl").read_text().splitlines()):
        (traces / "many" / f"{number:03}.jsonl").write_text(line + "\n" + ("{broken\n" if number == 7 else ""))
    assert len(list((traces / "many").iterdir())) == 100
    for number in range(100, 110):
        (traces / "many" / f"{number}.jsonl").write_text(json.dumps(trace("mylib.smooth", 50 + number, 3, 24 * (50 + number) + 1200)) + "\n")
    for more in [], ["--most-traces", "30"]:
        alone, contract = learn(traces, f"alone-many-{len(more)}", *more, traces="many")
        cluster, joined = learn(traces, f"cluster-many-{len(more)}", "--engine", "dask", "--jobs", "2", *more, traces="many")
        assert joined == contract
        assert cluster["callables"] == alone["callables"]


def test_an_interpreter_without_dask_is_named(traces, tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\necho 'No module named distributed' >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    words = [command(), "learn", "--traces", "traces", "-o", "none", "--engine", "dask", "--python", str(tmp_path / "python")]
    done = subprocess.run(words, cwd=traces, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "cannot run a Dask cluster: No module named distributed" in done.stderr
    assert not (traces / "none").exists() or not list((traces / "none").iterdir())
