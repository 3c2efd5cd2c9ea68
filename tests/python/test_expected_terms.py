"""The interfaces of the examples hold the terms that an expert wrote down by hand (examples/*/expected.json).

A term matches by the last name of its callee and by its arguments as the source writes them.
"""

import ast
import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/expected.json"))

# Expected terms that the interface has not, with the cause. Each is asserted to be missing: when one appears, take it
# out of this list.
KNOWN_MISSES = {
    # The reader is what `codecs.getreader("ascii")` gives: the term is `codecs.getreader("ascii")(body)`.
    "dna": ["fasta.from_bucket: codecs.StreamReader(body)"],
    "invoice": [
        # The template sets INVOICE_BUCKET to "": that path cannot be taken.
        "app.deliver: boto3.client('s3')",
        "app.deliver: boto3.client('s3').put_object(Bucket=BUCKET, Key=key, Body=document, ContentType='application/pdf')",
    ],
    "routes": [
        # A constructor that is followed is no term of its own.
        "app: app.Handler(cache_size=int(os.environ.get('MAZE_CACHE', '2')))",
    ],
    # Followed: a constructor, and a function behind functools.lru_cache.
    "text-stats": ["app.Statistics.add: words.stem(word)", "app.handler: app.Statistics()"],
}


def command():
    found = os.environ.get("MEMINTERFACE_BIN") or shutil.which("meminterface")
    if found:
        return found
    built = ROOT / "target" / "debug" / "meminterface"
    if not built.exists():
        pytest.skip("the command is not built: cargo build --no-default-features")
    return str(built)


def normal(text):
    """An argument without differences of quotes and blanks."""
    keyword, value = None, text
    name, equals, rest = text.partition("=")
    if equals and name.isidentifier() and not rest.startswith("="):
        keyword, value = name, rest
    # A generator expression that is the only argument has no brackets of its own.
    for form in (value, f"({value})"):
        try:
            value = ast.unparse(ast.parse(form.strip(), mode="eval"))
            break
        except SyntaxError:
            continue
    else:
        value = " ".join(value.split())
    return (keyword, value)


def written(term):
    """The arguments of a term of ours, unpacked keyword arguments left out."""
    return {
        (argument["keyword"], normal(argument["source"])[1] if argument["keyword"] is None else normal("x=" + argument["source"])[1])
        for argument in term["arguments"]
        if not argument["source"].startswith("**")
    }


def matches(expected, term):
    if term["callee"].rsplit(".", 1)[-1] != expected["callee"].rsplit(".", 1)[-1]:
        return False
    wanted = {normal(text) for text in expected["arguments"] if not text.startswith("**")}
    ours = written(term)
    if wanted == ours:
        return True
    # A long argument is shown cut: its beginning must agree.
    shown = any(value.endswith("…") for _, value in ours)
    return shown and len(wanted) == len(ours)


def interface_of(example):
    done = subprocess.run(
        [command(), "extract", str(ROOT / "examples" / example / "template.yaml"), "--format", "json"],
        capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    return document["interfaces"] if "interfaces" in document else [document]


@pytest.mark.parametrize("example", EXAMPLES)
def test_terms_of_the_expert(example):
    expected = json.loads((ROOT / "examples" / example / "expected.json").read_text())
    wanted = [term for term in expected["terms"] + expected.get("initialisation", []) if term["callee"] != "numpy.matmul"]
    terms = []
    for interface in interface_of(example):
        terms += interface["terms"] + interface["initialisation"]["terms"]
    free = {call["callee"].rsplit(".", 1)[-1] for interface in interface_of(example) for call in interface["free"]}
    missing = [
        f"{term['in']}: {term['callee']}({', '.join(term['arguments'])})"
        for term in wanted
        if not any(matches(term, other) for other in terms) and term["callee"].rsplit(".", 1)[-1] not in free
    ]
    assert sorted(missing) == sorted(KNOWN_MISSES.get(example, {}))
    assert len(wanted) > 3
