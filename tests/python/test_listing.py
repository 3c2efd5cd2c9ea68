"""``meminterface.listing``: a marketplace listing as objects."""

from __future__ import annotations

import pathlib

import meminterface
import pytest

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Description: Sums numbers.
Metadata:
  AWS::ServerlessRepo::Application:
    Name: sums
    Description: Sums numbers.
    Author: jane
Resources:
  Sums:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      MemorySize: 512
"""
HANDLER = """\
import numpy as np


def handler(event, context):
    return float(np.ones(event["n"]).sum())
"""


@pytest.fixture
def template(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path / "template.yaml"


def test_functions_are_objects_whose_formulas_can_be_used(template: pathlib.Path) -> None:
    listing = meminterface.listing(template)
    assert listing.application["name"] == "sums"
    (function,) = listing.functions
    assert (function.name, function.handler, function.template_mb) == ("Sums", "app.handler", 512)
    assert function.peak is not None
    assert function.peak.growth('event["n"]') == meminterface.Formula('event["n"]')
    assert [size.name for size in function.sizes] == ["small", "medium", "large"]
    large = function.sizes[-1]
    assert large.basis == "assumed"
    assert large.peak_bytes is not None
    assert large.peak_bytes.basis == "learned"
    assert float(large.peak_bytes) >= 8 * 10_000
    assert function.cost_per_million_usd is not None
    with pytest.raises(ValueError, match="needs times"):
        float(function.cost_per_million_usd)


def test_texts_and_warnings(template: pathlib.Path) -> None:
    listing = meminterface.listing(template, semantic_version="1.0.0", labels=["numpy", "sums"])
    assert "    SemanticVersion: '1.0.0'\n" in listing.metadata
    assert "    Labels: [numpy, sums]\n" in listing.metadata
    assert listing.markdown.startswith("## Memory\n")
    assert any("`LicenseUrl` is needed to publish to everyone" in warning for warning in listing.warnings)
    assert listing.to_json() == meminterface.listing(template, semantic_version="1.0.0", labels=["numpy", "sums"]).to_json()


def test_a_workload_gives_the_sizes(template: pathlib.Path, tmp_path: pathlib.Path) -> None:
    workload = tmp_path / "w.toml"
    workload.write_text("[inputs.n]\nvalues = [1000, 2000, 1000000]\n")
    (function,) = meminterface.listing(template, workload=workload).functions
    assert [size.values for size in function.sizes] == [{"n": 1000}, {"n": 2000}, {"n": 1000000}]
    assert function.recommended_mb is not None
    assert function.recommended_mb.basis == "learned"


def test_what_the_repository_would_refuse_raises(template: pathlib.Path) -> None:
    with pytest.raises(meminterface.InputError, match="`Author` is `Jane Doe`") as caught:
        meminterface.listing(template, author="Jane Doe", replace=True)
    assert caught.value.id == "invalid-metadata"
    with pytest.raises(meminterface.InputError, match="`Author` is `jane` here and `joe` by --author") as caught:
        meminterface.listing(template, author="joe")
    assert (caught.value.file, caught.value.line) == (str(template), 7)
    with pytest.raises(meminterface.InputError):
        meminterface.listing(template, no_such_option=1)
    with pytest.raises(meminterface.InputError, match=r"absent\.yaml"):
        meminterface.listing("absent.yaml")
