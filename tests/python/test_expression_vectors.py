"""The vectors of the closed language say what this CPython says (see tests/vectors/generate.py)."""

import importlib.util
import json
import sys
import warnings
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"


def generator():
    specification = importlib.util.spec_from_file_location("generate", VECTORS / "generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.skipif(sys.version_info[:2] != (3, 12), reason="the language, messages included, is CPython 3.12's")
@pytest.mark.parametrize("name", ["edge_cases.json", "random.json"])
def test_vectors_are_what_cpython_says(name):
    generate = generator()
    vectors = json.loads((VECTORS / "expression" / name).read_text(encoding="utf-8"))
    assert len(vectors) > 1_000
    different = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for vector in vectors:
            # What is huge is left alone: it would take this process with it.
            expected = {key: vector[key] for key in ("value", "raises") if key in vector}
            if expected and generate.answer(vector["expr"], vector.get("env", {})) != expected:
                different.append(vector["expr"])
    assert different == []
