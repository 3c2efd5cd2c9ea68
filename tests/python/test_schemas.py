"""Every JSON output says its form in one way, and follows the schema that is checked in for it (docs/schemas)."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

jsonschema = pytest.importorskip("jsonschema")
referencing = pytest.importorskip("referencing")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "docs/schemas").glob("*.json"))}


def command():
    found = os.environ.get("MEMINTERFACE_BIN") or shutil.which("meminterface")
    if found:
        return found
    built = ROOT / "target" / "debug" / "meminterface"
    if not built.exists():
        pytest.skip("the command is not built: cargo build --no-default-features")
    return str(built)


def output(*words):
    done = subprocess.run([command(), *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 2), done.stderr
    return json.loads(done.stdout)


def validate(document, form):
    """Raises if a document does not follow the schema of a form."""
    schema = SCHEMAS[f"{form}.schema.json"]
    registry = referencing.Registry().with_resources(
        (name, referencing.Resource.from_contents(other, referencing.jsonschema.DRAFT202012))
        for name, other in SCHEMAS.items()
    )
    jsonschema.Draft202012Validator(schema, registry=registry).validate(document)
    assert document["schema"] == {"name": f"meminterface.{form}", "version": 1}


EXAMPLES = sorted(ROOT.glob("examples/*/template.yaml"))
PYTHON = sorted(ROOT.glob("tests/corpus/python/*.py"))
TEMPLATES = sorted(ROOT.glob("tests/corpus/templates/*"))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_the_schema_is_one(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("template", EXAMPLES, ids=lambda path: path.parent.name)
def test_interfaces_of_the_examples(template):
    document = output("extract", template, "--format", "json")
    if "interfaces" in document:
        validate(document, "interfaces")
    for interface in document.get("interfaces", [document]):
        validate(interface, "interface")


def test_a_wrong_interface_is_refused():
    """The schema says something about statements, deep inside too."""
    document = output("extract", EXAMPLES[0], "--format", "json")
    document = document["interfaces"][0] if "interfaces" in document else document
    document["body"].append({"kind": "if", "condition": "x", "then": [{"kind": "let"}], "else": [], "at": {"file": "f", "line": 1}})
    with pytest.raises(jsonschema.ValidationError):
        validate(document, "interface")


def test_control_flow_graphs():
    validate(output("cfg", *PYTHON, "--format", "json"), "cfg")


@pytest.mark.parametrize("path", [ROOT / "examples", *TEMPLATES], ids=lambda path: path.name)
def test_handlers(path):
    validate(output("handlers", path, "--format", "json"), "handlers")


@pytest.mark.parametrize(
    "words",
    [["n**2 + 3*f(x)"], ["2*n", "--growth"], ["8*n**2", "--exceeds", "512MB", "--for", "n"], ["sum(i for i in range(n))"]],
    ids=" ".join,
)
def test_formulas(words):
    validate(output("formula", *words, "--format", "json"), "formula")
