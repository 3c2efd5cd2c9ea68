"""Handlers run by the real runtime client (awslambdaric, pinned in tests/requirements.txt), and the JSON of `measure`."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from test_schemas import command, validate

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measuring needs Linux")
pytest.importorskip("awslambdaric")


def measure(folder, *words, code=0, client="awslambdaric"):
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        [command(), "measure", *map(str, words), "--python", sys.executable, "--runtime-client", client]
        + ["--keep-page-cache", "--format", "json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr + done.stdout
    document = json.loads(done.stdout)
    validate(document, "imports" if "--imports" in words else "measure")
    return document


def project(folder, source, event):
    code = folder / "code"
    code.mkdir()
    (code / "app.py").write_text(source)
    (folder / "event.json").write_text(json.dumps(event))
    return code / "app.py"


def test_the_real_client_runs_the_handler(tmp_path):
    source = """
import decimal, logging, os

def handler(event, context):
    logging.getLogger().warning("seen %s", event["n"])
    return {"n": decimal.Decimal(event["n"]), "left": context.get_remaining_time_in_millis() > 0, "b": len(bytearray(48 << 20))}
"""
    document = measure(tmp_path, project(tmp_path, source, {"n": 3}), "--event", "event.json", "--memory", 256, "--warm", 1)
    assert document["client"]["name"] == "awslambdaric" and document["client"]["version"]
    assert document["client"]["reason"] == "found in the environment"
    for one in document["invocations"]:
        assert one["response"] == {"n": 3, "left": True, "b": 48 << 20}
        grown = one["peak_anonymous_bytes"] - document["init"]["end_anonymous_bytes"]
        assert 47 << 20 < grown < 53 << 20
    assert "seen 3" in document["log"]


@pytest.mark.parametrize(
    ("source", "outcome", "kind"),
    [
        ("def handler(event, context):\n    raise KeyError('x')\n", "error", "KeyError"),
        ("def handler(event, context):\n    return {1}\n", "error", "Runtime.MarshalError"),
        ("import os\ndef handler(event, context):\n    os._exit(7)\n", "error", "Runtime.ExitError"),
        ("import no_such\ndef handler(event, context):\n    pass\n", "init-error", "Runtime.ImportModuleError"),
        ("1 / 0\ndef handler(event, context):\n    pass\n", "init-error", "ZeroDivisionError"),
        ("def handler(event, context):\n    return 'x' * 7_000_000\n", "error", "Function.ResponseSizeTooLarge"),
    ],
    ids=lambda value: value if " " not in value else "",
)
def test_both_clients_say_the_same_of_what_goes_wrong(tmp_path, source, outcome, kind):
    words = [project(tmp_path, source, {}), "--event", "event.json"]
    for client in ("awslambdaric", "minimal"):
        document = measure(tmp_path, *words, code=1, client=client)
        part = document["init"] if outcome == "init-error" else document["invocations"][0]
        assert (document["outcome"], part["error"]["type"]) == (outcome, kind)


def test_imports_follow_their_schema(tmp_path):
    path = project(tmp_path, "import json, decimal\ndef handler(event, context):\n    return 1\n", {})
    document = measure(tmp_path, path, "--imports")
    names = [module["name"] for module in document["modules"]]
    assert names[0] == "app" and "decimal" in names


EXAMPLES = [path for path in sorted(ROOT.glob("examples/*/events.json")) if path.parent.name in ("text-stats", "routes")]


@pytest.mark.parametrize("events", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_run_under_their_own_setting(tmp_path, events):
    tests = json.loads(events.read_text())["tests"]
    document = measure(tmp_path, events.parent / "template.yaml", "--event", events)
    assert len(document["invocations"]) == len(tests)
    assert document["limit"]["memory_mb"]
