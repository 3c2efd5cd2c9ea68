"""Predictions from Python: one event, many at once, workloads, limits."""

from __future__ import annotations

import json
import math
import pathlib
import subprocess
import sys

import meminterface
import pytest

SOURCE = """
def handler(event, context):
    n = event["n"]
    rows = [i * 2.5 for i in range(n)]
    if event.get("copy"):
        rows = list(rows) + [1]
    return sum(rows)
"""


@pytest.fixture(scope="module")
def interface() -> meminterface.Interface:
    return meminterface.extract(SOURCE)


def test_one_event(interface: meminterface.Interface) -> None:
    found = interface.predict({"n": 10_000})
    # A slot and a float in a block of 32 bytes, each.
    assert 40 * 10_000 <= found.resident_peak_bytes <= 41 * 10_000
    least, most = found.bounds("resident_peak")
    assert least == found.resident_peak_bytes < most
    assert found.footprint_bytes > found.baseline_bytes > 5 << 20
    assert found.unknown == [] and found.to_dict()["schema"]["name"] == "meminterface.prediction"
    assert json.loads(found.to_json()) == found.to_dict()


def test_it_says_what_the_command_says(interface: meminterface.Interface, tmp_path: pathlib.Path) -> None:
    (tmp_path / "handler.py").write_text(SOURCE)
    (tmp_path / "e.json").write_text('{"n": 500}')
    words = ["predict", "handler.py", "--event", "e.json", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "meminterface", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    of_command = json.loads(done.stdout)
    of_package = interface.predict({"n": 500}).to_dict()
    for name in ("demand_bytes", "peak_bytes", "resident_peak_bytes", "retained_bytes", "footprint_bytes", "formulas"):
        assert of_command[name] == of_package[name]


def test_without_an_event_there_are_formulas(interface: meminterface.Interface) -> None:
    found = interface.predict()
    assert found.resident_peak_bytes is None
    assert 'event["n"]' in str(found.formulas["peak"])


def test_a_list_of_events_gives_a_number_for_each(interface: meminterface.Interface) -> None:
    events = [{"n": 10}, {"n": 1000}, {"n": 1000, "copy": True}]
    found = interface.predict(events)
    assert len(found) == 3
    one_by_one = [interface.predict(event).resident_peak_bytes for event in events]
    assert [int(peak) for peak in found.resident_peak_bytes] == one_by_one
    assert one_by_one[0] < one_by_one[1] < one_by_one[2]
    with pytest.raises(ValueError, match="no events"):
        interface.predict([])


def test_columns_of_inputs(interface: meminterface.Interface) -> None:
    numpy = pytest.importorskip("numpy")
    found = interface.predict({"n": numpy.arange(1, 2001), "copy": False})
    assert isinstance(found.resident_peak_bytes, numpy.ndarray) and len(found) == 2000
    one = interface.predict({"n": 2000, "copy": False}).resident_peak_bytes
    assert math.isclose(found.resident_peak_bytes[-1], one, rel_tol=0.03)
    assert (numpy.diff(found.resident_peak_bytes) >= 0).all()
    assert (found.footprint_bytes > found.resident_peak_bytes).all()
    structured = numpy.array([(5, True), (50, False)], dtype=[("n", "i8"), ("copy", "?")])
    assert len(interface.predict(structured)) == 2


def test_a_table_of_arrow_or_pandas() -> None:
    interface = meminterface.extract("def handler(event, context):\n    return [0] * event['n']\n")
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"n": [1000, 2000, 4000]})
    found = [float(peak) for peak in interface.predict(table).resident_peak_bytes]
    assert 7_900 < found[1] - found[0] < 8_100 and 15_900 < found[2] - found[1] < 16_100


def test_arrays_of_variables() -> None:
    source = "import boto3\n\ndef handler(event, context):\n    s3 = boto3.client('s3')\n" \
        "    return len(s3.get_object(Bucket='b', Key=event['key'])['Body'].read())\n"
    interface = meminterface.extract(source)
    unknown = [one["symbol"] for one in interface.predict({"key": "k"}).unknown]
    assert unknown == ["object_bytes"]
    found = interface.predict({"key": "k"}, object_bytes=50_000_000)
    assert 50_000_000 <= found.peak_bytes < 70_000_000
    with pytest.raises(meminterface.MeminterfaceError, match="object_bites") as caught:
        interface.predict({"key": "k"}, object_bites=3)
    assert "object_bytes" in caught.value.help


def test_where_the_peak_comes_from(interface: meminterface.Interface) -> None:
    lines = interface.predict({"n": 50_000, "copy": True}).explain()
    assert [line.line for line in lines[:2]] == [4, 6]
    assert lines[0].text == "rows = [i * 2.5 for i in range(n)]"
    assert math.isclose(sum(line.share for line in lines), 1.0, abs_tol=1e-9)
    with pytest.raises(ValueError, match="one event"):
        interface.predict([{"n": 1}]).explain()


def test_for_which_inputs_it_is_too_much(interface: meminterface.Interface) -> None:
    found = interface.exceeds("256MB", {"n": 5})
    assert found.now is False
    (limit,) = found.inputs
    assert limit.input == 'event["n"]' and limit.verdict == "above" and limit.fits_up_to is not None
    fits, too_large = (interface.predict({"n": limit.fits_up_to + more}) for more in (0, 1))
    assert fits.bounds("footprint")[0] <= 256 << 20 < too_large.bounds("footprint")[0]
    assert interface.exceeds(256 << 20, {"n": 5}).inputs == found.inputs


def test_workloads(interface: meminterface.Interface, tmp_path: pathlib.Path) -> None:
    workload = {"samples": 4000, "inputs": {"n": {"distribution": "poisson", "mean": 5000}, "copy": {"value": False}}}
    found = interface.sample(workload)
    assert 0.98 < found.quantiles["p50"] / interface.predict({"n": 5000, "copy": False}).resident_peak_bytes < 1.02
    assert list(found.quantiles) == ["p50", "p90", "p95", "p99", "p99.9", "max"]
    path = tmp_path / "w.toml"
    path.write_text("[inputs.n]\ndistribution = 'poisson'\nmean = 5000\n[inputs.copy]\nvalue = false\n")
    assert interface.sample(path, samples=4000).quantiles == found.quantiles
    assert interface.sample(path, samples=4000, seed=1).quantiles != found.quantiles
    path.write_text("[inputs.m]\nvalue = 3\n")
    with pytest.raises(meminterface.InputError, match=r"w\.toml:1:9: nothing reads `m`"):
        interface.sample(path)
    with pytest.raises(meminterface.InputError, match="gauss"):
        interface.sample({"inputs": {"n": {"distribution": "gauss"}}})
