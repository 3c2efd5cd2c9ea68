"""``meminterface.extract`` and ``Interface``."""

from __future__ import annotations

import json
import pathlib
import threading
from typing import Any

import meminterface
import pytest
from meminterface import Formula, extract, extract_all

PUBLISHED = '''\
def handler(event: dict[str, object]):
    x = f()
    y = g()
    if x > 0:
        z = h()
    else:
        z = i()
    if y > 0:
        w = j()
    else:
        w = k()
    return w + z
'''

SIZES = '''\
import numpy as np


def handler(event, context):
    n = int(event.get("n", 10))
    a = np.zeros(n)
    if n > 100:
        np.linalg.solve(a, a)
    return len(a)
'''


# --- what is read ------------------------------------------------------------------------------------------


def test_published_example() -> None:
    interface = extract(PUBLISHED)
    assert interface.handler.endswith("handler")
    assert interface.parameters == ("event",)
    assert [mcv.name for mcv in interface.mcvs] == ["x", "y"]
    assert interface.mcvs[0].line == 2
    assert "def handler_interface(event, x, y):" in interface.to_python("sympy")
    assert "mem_demand += sp.symbols('h(...)')" in interface.to_python("sympy")


def test_reads_files_and_folders(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(PUBLISHED, encoding="utf-8")
    for given in (file, str(file), tmp_path):
        interface = extract(given)
        assert interface.file.endswith("app.py")
        assert interface.line == 1


def test_never_runs_the_code(tmp_path: pathlib.Path) -> None:
    marker = tmp_path / "ran"
    file = tmp_path / "app.py"
    file.write_text(f"open({str(marker)!r}, 'w')\n" + PUBLISHED, encoding="utf-8")
    interface = extract(file)
    interface({})
    compile(interface.source, "interface", "exec")
    assert not marker.exists()


def test_several_handlers_need_a_name() -> None:
    source = "def handler(event, context):\n    f()\n\n\ndef other_handler(event, context):\n    g()\n"
    interfaces = extract_all(source)
    if len(interfaces) > 1:
        with pytest.raises(meminterface.HandlerNotFound, match="handlers were found"):
            extract(source)
    assert extract(source, "other_handler").handler.endswith("other_handler")
    assert extract(source, handler="handler").line == 1


# --- errors ------------------------------------------------------------------------------------------------


def test_syntax_error_has_its_place(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("def handler(event, context):\n    return )\n", encoding="utf-8")
    with pytest.raises(meminterface.ParseError) as caught:
        extract(file)
    error = caught.value
    assert (error.id, error.file, error.line, error.column) == ("syntax-error", str(file), 2, 12)
    assert error.help


def test_missing_file_and_missing_handler() -> None:
    with pytest.raises(meminterface.InputError) as missing:
        extract("no/such/file.py")
    assert missing.value.id == "cannot-read"
    with pytest.raises(meminterface.HandlerNotFound) as unknown:
        extract(PUBLISHED, "handlr")
    assert "handler" in (unknown.value.help or "")
    with pytest.raises(meminterface.HandlerNotFound):
        extract("x = 1\ny = 2\n")


@pytest.mark.parametrize("value", [None, 3, b"def f(): pass\n", ["a"]])
def test_input_of_a_wrong_type(value: Any) -> None:
    with pytest.raises(TypeError):
        extract(value if value != b"def f(): pass\n" else object())


# --- calling -----------------------------------------------------------------------------------------------


def test_interface_is_called_as_the_handler_is() -> None:
    interface = extract(PUBLISHED)
    assert interface({}, x=1, y=1) == Formula("f() + g() + h() + j()")
    assert interface({}, x=1, y=-1) == Formula("f() + g() + h() + k()")
    assert interface(event={}, x=-1, y=-1) == Formula("f() + g() + i() + k()")


def test_what_is_not_given_stays_a_symbol() -> None:
    formula = extract(PUBLISHED)({})
    assert {"x", "y"} <= set(formula.symbols)
    assert formula.substitute(x=1, y=1) == Formula("f() + g() + h() + j()")


def test_sizes_come_from_the_event() -> None:
    interface = extract(SIZES)
    assert not interface.mcvs
    assert Formula("numpy.zeros(5)") in interface({"n": 5}, None).terms
    terms = {str(term).split("(")[0] for term in interface({"n": "500"}, None).terms}
    assert {"numpy.zeros", "numpy.linalg.solve"} <= terms
    assert "numpy.linalg.solve" not in str(interface({"n": 5}, None))
    assert Formula("numpy.zeros(10)") in interface({}, object()).terms, "the default of event.get"


def test_derived_values_can_be_overridden() -> None:
    interface = extract(SIZES)
    assert "n" in interface.derived
    assert Formula("numpy.zeros(7)") in interface({"n": 5}, None, n=7).terms


def test_wrong_arguments() -> None:
    interface = extract(PUBLISHED)
    with pytest.raises(TypeError, match="positional"):
        interface({}, 1, 2, 3, 4)
    with pytest.raises(TypeError, match="no variable z"):
        interface({}, z=1)
    with pytest.raises(TypeError, match="two values"):
        interface({}, event={})
    with pytest.raises(TypeError, match=r"\['a'\]\[0\]"):
        interface({"a": [object()]})
    with pytest.raises(TypeError, match="not plain data"):
        interface({}, x=object())
    cycle: dict[str, Any] = {}
    cycle["cycle"] = cycle
    with pytest.raises(ValueError, match="levels deep"):
        interface(cycle)


def test_handler_that_raises_for_an_event() -> None:
    interface = extract("def handler(event, context):\n    f(event['n'])\n")
    assert interface({"n": 1}, None) == Formula("f(1)")
    with pytest.raises(meminterface.EvaluationError, match="KeyError") as caught:
        interface({}, None)
    assert caught.value.line == 2


# --- output ------------------------------------------------------------------------------------------------


def test_generated_file_gives_the_same_formula() -> None:
    interface = extract(PUBLISHED)
    scope: dict[str, Any] = {}
    exec(compile(interface.source, "interface", "exec"), scope)  # ours, not the handler's
    generated = scope["handler_interface"]
    for x in (1, -1):
        for y in (1, -1):
            assert generated({}, x, y) == interface({}, x=x, y=y)


def test_paths() -> None:
    paths = extract(PUBLISHED).paths()
    assert len(paths) == 4
    assert paths[0].conditions == ("x > 0", "y > 0")
    assert paths[0].formula == Formula("f() + g() + h() + j()")
    assert len(extract(PUBLISHED).paths({}, x=1)) == 2
    with pytest.raises(ValueError, match="more than 3 paths"):
        extract(PUBLISHED).paths(limit=3)


def test_json_is_the_schema_of_the_command() -> None:
    document = json.loads(extract(PUBLISHED).to_json())
    assert document["schema"]["name"] == "meminterface.interface"
    assert [mcv["name"] for mcv in document["mcvs"]] == ["x", "y"]
    assert len(document["terms"]) == 6


def test_repr_tells_the_signature() -> None:
    assert repr(extract(PUBLISHED)).endswith("handler(event, x, y)>")
    assert "name='x'" in repr(extract(PUBLISHED).mcvs[0])


def test_output_is_the_same_on_every_run() -> None:
    assert len({extract(PUBLISHED).source for _ in range(5)}) == 1


def test_long_work_lets_other_threads_run() -> None:
    """Extraction does not hold the GIL: a thread goes on while a large source is read."""
    source = "def handler(event, context):\n" + "".join(f"    f{i}(event)\n" for i in range(4000))
    counted = 0
    done = threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = counted
        extract(source)
        # With the GIL held, the count could only have moved by the switch interval before the call.
        assert counted > before
    finally:
        done.set()
        thread.join()
