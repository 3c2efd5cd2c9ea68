"""Holds `meminterface cfg` to what CPython does: see tests/cfg/ground_truth.py.

Runs against every interpreter of 3.8 to 3.14 that pyenv has, and the one that runs the tests. The command is
`MEMINTERFACE_BIN`, or target/debug/meminterface. `MEMINTERFACE_CFG_SEEDS` sets the number of random programs for each.
"""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "cfg"
SEEDS = int(os.environ.get("MEMINTERFACE_CFG_SEEDS", "8"))


def binary():
    path = Path(os.environ.get("MEMINTERFACE_BIN", ROOT / "target" / "debug" / "meminterface"))
    if not path.exists():
        pytest.skip("the command is not built: %s" % path)
    return str(path)


def interpreters():
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for path in sorted(pyenv.glob("3.*/bin/python")):
        version = tuple(int(part) for part in re.findall(r"\d+", path.parts[-3])[:2])
        if (3, 8) <= version <= (3, 14):
            found[version] = str(path)
    found.setdefault(sys.version_info[:2], sys.executable)
    return sorted(found.items())


INTERPRETERS = pytest.mark.parametrize(
    "version, python", [pytest.param(*item, id="%d.%d" % item[0]) for item in interpreters()]
)


def graphs(program):
    done = subprocess.run([binary(), "cfg", str(program)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode())


def compare(python, program, document, runs=12):
    """The violations, and the summary."""
    path = program.with_suffix(".json")
    path.write_text(json.dumps(document))
    done = subprocess.run(
        [python, "-W", "ignore", str(SCRIPTS / "ground_truth.py"), str(path), str(program), "--runs", str(runs)],
        stdout=subprocess.PIPE,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert lines, "the comparison failed"
    return lines[:-1], lines[-1]


@INTERPRETERS
def test_random_programs(version, python, tmp_path):
    flags = (["--match"] if version >= (3, 10) else []) + (["--star"] if version >= (3, 11) else [])
    for seed in range(SEEDS):
        program = tmp_path / ("random_%d.py" % seed)
        command = [sys.executable, str(SCRIPTS / "generate.py"), str(seed), "12", *flags]
        program.write_bytes(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        violations, summary = compare(python, program, graphs(program))
        assert not violations, (seed, violations)
        assert summary["run"] > 100
        assert version < (3, 11) or summary["sound"] >= 12


@INTERPRETERS
def test_fixtures(version, python, tmp_path):
    """The bytecode of every case of tests/cfg/*.md, and of constructs that are not worth drawing there."""
    checked = 0
    for file in sorted(SCRIPTS.glob("*.md")) + sorted(SCRIPTS.glob("constructs*.py")):
        text = file.read_text(encoding="utf-8")
        cases = re.findall(r"```python\n(.*?)```", text, re.S) if file.suffix == ".md" else [text]
        for number, case in enumerate(cases):
            program = tmp_path / ("%s_%d.py" % (file.stem, number))
            program.write_text(case, encoding="utf-8")
            if not compiles(python, program):
                continue
            violations, summary = compare(python, program, graphs(program), runs=0 if file.suffix == ".md" else 20)
            assert not violations, (file.name, case if file.suffix == ".md" else "", violations)
            checked += summary["functions"]
    assert checked > 20


def compiles(python, program):
    check = "import sys; compile(open(sys.argv[1], encoding='utf-8').read(), 'p', 'exec')"
    done = subprocess.run([python, "-W", "ignore", "-c", check, str(program)], stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


@pytest.mark.skipif(sys.version_info < (3, 11), reason="bytecode is read from 3.11 on")
def test_the_comparison_finds_what_is_wrong(tmp_path):
    """A check that cannot fail checks nothing: edges taken away or bent must be found."""
    program = tmp_path / "program.py"
    program.write_text(
        "def f(t):\n    for i in t.items():\n        try:\n            if t():\n                return t()\n"
        "        finally:\n            t.number()\n        t()\n    return 1\n"
    )
    document = graphs(program)
    assert not compare(sys.executable, program, document)[0]
    function = next(function for function in document["functions"] if function["name"].endswith(".f"))
    place = document["functions"].index(function)
    found = 0
    for number, edge in enumerate(function["edges"]):
        broken = copy.deepcopy(document)
        del broken["functions"][place]["edges"][number]
        found += bool(compare(sys.executable, program, broken)[0])
        # The way out of a `finally` that `return` entered, bent to where its end leads.
        entered = {block["id"] for block in function["blocks"] if block.get("finally") == "return"}
        if edge["from"] in entered and edge["kind"] == "return":
            broken = copy.deepcopy(document)
            broken["functions"][place]["edges"][number]["to"] = next(
                block["id"] for block in function["blocks"] if 8 in block["lines"]
            )
            violations = compare(sys.executable, program, broken)[0]
            assert any(violation["check"] == "sound" for violation in violations)
    # Of two ways from a line to one exit, one may be taken away unnoticed.
    assert found >= 0.6 * len(function["edges"])
