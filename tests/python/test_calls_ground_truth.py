"""Holds `meminterface calls` to what CPython does: every call between functions of a program is an edge of its graph.

The programs are those of tests/calls/programs/ and of the Markdown cases in tests/calls/; they run with
tests/calls/trace_calls.py. What is known to be missed is a `missed` block of a case, whose text gives the cause. The command is `MEMINTERFACE_BIN`, or target/debug/meminterface.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = ROOT / "tests" / "calls"

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="code objects have no qualified name")


def binary():
    path = Path(os.environ.get("MEMINTERFACE_BIN", ROOT / "target" / "debug" / "meminterface"))
    if not path.exists():
        pytest.skip("the command is not built: %s" % path)
    return str(path)


def edges_of_graph(folder, main):
    done = subprocess.run(
        [binary(), "calls", str(main), "--package", str(folder)], stdout=subprocess.PIPE, check=True
    )
    graph = json.loads(done.stdout)
    plain = lambda name: re.sub(r"<lambda\d+>", "<lambda>", name)
    edges = {(plain(caller), plain(callee)) for caller, callees in graph.items() for callee in callees}
    # The trace does not know who calls a generator: somebody has to.
    return edges | {("*", callee) for _, callee in edges}


def trace(folder, main):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(CALLS / "trace_calls.py"), str(folder), str(main)],
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    result = json.loads(done.stdout)
    return {tuple(edge) for edge in result["edges"]}, result["error"]


@pytest.mark.parametrize("program", sorted((CALLS / "programs").glob("*.py")), ids=lambda path: path.stem)
def test_programs(program):
    made, error = trace(program.parent, program)
    assert error is None
    assert len(made) > 10
    missing = made - edges_of_graph(program.parent, program)
    assert not missing


def cases():
    for page in sorted(CALLS.glob("*.md")):
        for part in re.split(r"(?m)^## ", page.read_text())[1:]:
            blocks = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```", part, re.S | re.M)
            files = [(name or "main.py", text) for kind, name, text in blocks if kind == "python"]
            missed = [json.loads(text) for kind, _, text in blocks if kind == "missed"]
            name = "%s: %s" % (page.stem, part.partition("\n")[0])
            yield pytest.param(files, {tuple(edge) for edges in missed for edge in edges}, id=name)


def write(folder, files):
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("files, missed", list(cases()))
def test_markdown_cases(files, missed, tmp_path):
    write(tmp_path, files)
    # A case may need what is not installed, or end in an exception: the calls until then count.
    made, _ = trace(tmp_path, tmp_path / "main.py")
    # Exactly the known ones: a miss that is mended leaves the page too.
    assert made - edges_of_graph(tmp_path, tmp_path / "main.py") == missed


# Cases that make no call between functions of their own when they run, and why: about them the comparison says nothing.
SILENT = {
    "classes: Methods that nothing calls": "nothing calls them",
    "containers: A key that is not known reaches every element": "the key is an argument of the command",
    "imports: Either of two": "calls a library only",
    "imports: What is not there is external, without its dots": "the modules are not there",
    "limits: Wrappers of libraries are looked through": "the library is not there",
    "outside: Aliases": "calls libraries only",
    "outside: Literal text arguments stay in the name": "nothing calls the handler",
    "outside: Classes with an ancestor outside": "the library is not there",
    "outside: Names that would never end": "the library is not there",
    "outside: Built-in types": "calls built-ins only",
    "outside: Annotations say what parameters are": "nothing calls the handler",
    "outside: Names of calls that are not resolved are their text": "nothing calls the handler",
}


def test_all_other_cases_get_to_a_call(tmp_path):
    """The comparison says something only about calls that are made."""
    silent, made = set(), 0
    for number, case in enumerate(cases()):
        files, _ = case.values
        folder = tmp_path / str(number)
        write(folder, files)
        edges, _ = trace(folder, folder / "main.py")
        made += len(edges)
        if not edges:
            silent.add(case.id)
    assert silent == set(SILENT)
    assert made > 150


def test_a_miss_is_found(tmp_path):
    """The comparison can fail: with a function that only text from outside names, the edge is made and not found."""
    program = tmp_path / "main.py"
    program.write_text("import os\nos.environ['NAME'] = 'f'\ndef f(): pass\nglobals()[os.environ['NAME']]()\n")
    made, error = trace(tmp_path, program)
    assert (made, error) == ({("main", "main.f")}, None)
    assert ("main", "main.f") not in edges_of_graph(tmp_path, program)
