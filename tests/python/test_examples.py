"""Every example runs with every event of its events.json, and answers what it should.

S3, DynamoDB and the like are a moto server on the loopback interface. An example whose requirements are not installed
is skipped, and the reason names what is missing; the events that need nothing but Python run everywhere.
"""

import ast
import base64
import gzip
import importlib.metadata
import io
import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import zipfile
from collections import Counter
from decimal import Decimal

import pytest

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/events.json"))
# Examples that can do part of their work without what they require: for each, which events need it.
OPTIONAL = {
    "dna": lambda event: "bucket" in event,
    "log-filter": lambda event: "bucket" in event,
}

sys.path.insert(0, str(EXAMPLES))
import seed  # noqa: E402


# --- the world around a handler ---


def requirements(name):
    lines = (EXAMPLES / name / "requirements.txt").read_text("utf-8").splitlines()
    return [line.split("==")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def missing(distributions):
    absent = []
    for distribution in distributions:
        try:
            importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            absent.append(distribution)
    return absent


class Cloud:
    """A moto server, its endpoint, and clients of it."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.s3 = seed.service("s3")
        self.dynamodb = seed.service("dynamodb")
        self.seeded = set()

    def seed(self, name):
        if name not in self.seeded:
            seed.SEEDS[name](None)
            self.seeded.add(name)

    def get(self, bucket, key):
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.fixture(scope="session")
def cloud():
    """None where moto and boto3 are not installed."""
    if missing(["boto3", "moto", "flask"]):
        yield None
        return
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    environment = pytest.MonkeyPatch()
    try:
        host, port = server.get_host_and_port()
        for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
            environment.delenv(variable)
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_DEFAULT_REGION", seed.REGION)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield Cloud(os.environ["AWS_ENDPOINT_URL"])
    finally:
        server.stop()
        environment.undo()


def handlers(name):
    """The handlers that the template names, without repeats, in order."""
    text = (EXAMPLES / name / "template.yaml").read_text("utf-8")
    return list(dict.fromkeys(re.findall(r"^\s+Handler: (\S+)$", text, re.MULTILINE)))


def run(name, tests, handler, folder, **environment):
    """The answers of one process to `tests`, in order."""
    answers = folder / f"{name}.answers.json"
    # Only what the template would give: settings of the machine must not change an answer.
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.isupper() or key.startswith(("AWS_", "PATH", "HOME", "LD_", "TMP"))
    }
    finished = subprocess.run(
        [sys.executable, str(HERE / "example_runner.py"), str(EXAMPLES / name), handler, str(answers)],
        input=json.dumps({"tests": tests}),
        env={**clean, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(answers.read_text("utf-8"))


@pytest.fixture
def answers(cloud, tmp_path):
    """Runs an example and gives (test, result) pairs by the name of the test; an exception is given as its text."""

    def answers_of(name, file="events.json", handler=None, **environment):
        tests = json.loads((EXAMPLES / name / file).read_text("utf-8"))["tests"]
        absent = missing(requirements(name))
        no_cloud = name in seed.SEEDS and cloud is None
        if absent or no_cloud:
            reason = f"{name} needs {', '.join(absent) or 'moto[server]'}"
            if name not in OPTIONAL:
                pytest.skip(reason)
            tests = [test for test in tests if not OPTIONAL[name](test["event"])]
        elif name in seed.SEEDS:
            cloud.seed(name)
        outcomes = run(name, tests, handler or handlers(name)[0], tmp_path, **environment)
        return {
            test["name"]: (test["event"], outcome.get("result", outcome.get("error")))
            for test, outcome in zip(tests, outcomes)
        }

    return answers_of


# --- every example ---


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_all_its_parts(name):
    folder = EXAMPLES / name
    for part in ("README.md", "requirements.txt", "template.yaml", "events.json", "expected.json"):
        assert (folder / part).stat().st_size > 0, part
    tests = json.loads((folder / "events.json").read_text("utf-8"))["tests"]
    assert len(tests) >= 5
    assert len({test["name"] for test in tests}) == len(tests)
    assert all(set(test) == {"name", "event", "context"} for test in tests)
    template = (folder / "template.yaml").read_text("utf-8")
    for setting in ("Runtime: python3.11", "MemorySize:", "Timeout:", "Variables:", "Handler:"):
        assert setting in template, setting
    for line in (folder / "requirements.txt").read_text("utf-8").splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[a-z0-9-]+==[0-9.]+", line), line
    for handler in handlers(name):
        assert (folder / (handler.rpartition(".")[0].replace(".", "/") + ".py")).is_file()


def test_every_example_is_in_the_overview_and_tested():
    overview = (EXAMPLES / "README.md").read_text("utf-8")
    for name in NAMES:
        assert f"[{name}]({name}/)" in overview
        assert f"test_{name.replace('-', '_')}" in globals()


# --- the expected terms ---


def scope(name, qualified):
    """The module, class body or function of an example that `qualified` names."""
    parts = qualified.split(".")
    for length in range(len(parts), 0, -1):
        file = EXAMPLES.joinpath(name, *parts[:length]).with_suffix(".py")
        if file.is_file():
            node = ast.parse(file.read_text("utf-8"))
            for part in parts[length:]:
                (node,) = [
                    child
                    for child in ast.walk(node)
                    if isinstance(child, (ast.ClassDef, ast.FunctionDef)) and child.name == part and child is not node
                ]
            return node
    raise AssertionError(f"{name} has no {qualified}")


def calls(node):
    """(last name, arguments) of every call below `node`; `a @ b` is a call of matmul."""
    for child in ast.walk(node):
        if isinstance(child, ast.BinOp) and isinstance(child.op, ast.MatMult):
            yield "matmul", [ast.unparse(child.left), ast.unparse(child.right)]
        elif isinstance(child, ast.Call):
            called = child.func
            last = (
                called.attr
                if isinstance(called, ast.Attribute)
                else called.id
                if isinstance(called, ast.Name)
                else None
            )
            arguments = [ast.unparse(argument) for argument in child.args]
            arguments += [
                f"{keyword.arg}={ast.unparse(keyword.value)}" if keyword.arg else f"**{ast.unparse(keyword.value)}"
                for keyword in child.keywords
            ]
            yield last, arguments


def normal(argument):
    """The argument as ast.unparse writes it."""
    (call,) = [node for node in calls(ast.parse(f"called({argument})")) if node[0] == "called"]
    return call[1][0]


def expectations(name):
    expected = json.loads((EXAMPLES / name / "expected.json").read_text("utf-8"))
    for handler in (expected, *expected.get("others", ())):
        yield from handler.get("initialisation", ())
        yield from handler["terms"]


@pytest.mark.parametrize("name", NAMES)
def test_an_expected_term_is_a_call_of_the_source(name):
    for term in expectations(name):
        last = term["callee"].rpartition(".")[2]
        wanted = [normal(argument) for argument in term["arguments"]]
        found = []
        for called, arguments in calls(scope(name, term["in"])):
            # A class method calls its class `cls`, and the callee of f()() has no name.
            if called == last or (called == "cls" and last[0].isupper()) or (called is None and last == "StreamReader"):
                found.append(arguments)
                found.append([argument for argument in arguments if not argument.startswith("**")])
        assert wanted in found, f"{term['in']} calls {last} with {found}, not {wanted}"


@pytest.mark.parametrize("name", NAMES)
def test_every_call_into_a_library_is_expected(name):
    """What a library allocates cannot be seen in the source: no such call may be missing from the expected terms."""
    free = {
        # No memory beyond one small value: settings, logging, paths, random numbers, the clock, questions about types.
        *(
            "get",
            "getenv",
            "info",
            "warning",
            "exception",
            "join",
            "basename",
            "dirname",
            "relpath",
            "splitext",
            "unlink",
            "close",
        ),
        *(
            "choice",
            "randrange",
            "time",
            "perf_counter",
            "monotonic",
            "sleep",
            "timedelta",
            "field",
            "is_integer_dtype",
            "is_float_dtype",
        ),
    }
    expected = {term["callee"].rpartition(".")[2] for term in expectations(name)}
    trees = {file: ast.parse(file.read_text("utf-8")) for file in sorted((EXAMPLES / name).rglob("*.py"))}
    own = {file.stem for file in trees}
    for tree in trees.values():
        own |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for file, tree in trees.items():
        libraries = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                libraries.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                libraries.update(alias.asname or alias.name for alias in node.names)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            root, last = node.func, getattr(node.func, "attr", getattr(node.func, "id", None))
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in libraries - own and last not in free:
                assert last in expected, (
                    f"{file.name}:{node.lineno}: {ast.unparse(node.func)} is not among the expected terms"
                )


# --- one by one ---


def test_thumbnail(answers, cloud):
    results = answers("thumbnail")
    from PIL import Image

    expected = {
        "small jpeg": (320, 240, [(256, 192), (64, 48)]),
        "screen jpeg": (1024, 768, [(256, 192), (64, 48)]),
        "full hd jpeg": (1920, 1080, [(256, 144), (64, 36)]),
        "camera jpeg": (4000, 3000, [(256, 192), (64, 48)]),
        "transparent png": (2000, 2000, [(256, 256), (64, 64)]),
        "rotated by exif": (600, 800, [(192, 256), (48, 64)]),
    }
    for name, (width, height, sizes) in expected.items():
        event, result = results[name]
        (done,) = result["done"]
        assert (done["width"], done["height"]) == (width, height)
        assert [(small["width"], small["height"]) for small in done["thumbnails"]] == sizes
        for small, size in zip(done["thumbnails"], sizes):
            stored = cloud.get("example-photos", small["key"])
            assert len(stored) == small["bytes"]
            with Image.open(io.BytesIO(stored)) as image:
                assert image.size == size
                assert image.format == ("PNG" if name == "transparent png" else "JPEG")

    _, result = results["three records, one no image"]
    assert [done["key"] for done in result["done"]] == ["photos/640x480.jpg", "photos/480x640.png"]
    assert [failure["key"] for failure in result["failed"]] == ["photos/notes.txt"]
    _, result = results["too many pixels"]
    assert result["failed"] == [{"key": "photos/9000x6000.png", "error": "9000 x 6000 pixels"}]
    _, result = results["object too large, and a thumbnail"]
    assert [skip["skipped"] for skip in result["skipped"]] == ["object too large", "is a thumbnail"]


def test_thumbnail_with_draft_gives_the_same_sizes(answers):
    results = answers("thumbnail", USE_DRAFT="1", SIDES="100")
    (done,) = results["camera jpeg"][1]["done"]
    assert [(small["width"], small["height"]) for small in done["thumbnails"]] == [(100, 75)]


def test_archive(answers, cloud, tmp_path):
    results = answers("archive", WORK_ROOT=str(tmp_path / "work"))
    for name, prefix in {
        "few small files": "reports/few/",
        "fifty files": "reports/fifty/",
        "three hundred files": "reports/hundreds/",
        "nested folders": "reports/nested/",
        "one large file": "reports/large/",
        "large file, stored": "reports/large/",
        "to another bucket": "reports/few/",
    }.items():
        _, result = results[name]
        count, size, pattern = seed.ARCHIVE_FILES[prefix]
        assert result["status"] == "done"
        assert (result["collected"]["files"], result["collected"]["bytes"]) == (count, count * size)
        packed = cloud.get(result["bucket"], result["key"])
        assert len(packed) == result["packed"]["bytes"]
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == [pattern.format(number) for number in range(count)]
            assert archive.read(pattern.format(0)) == seed.noise(size, 0)
    stored = results["large file, stored"][1]
    assert stored["packed"]["bytes"] > stored["collected"]["bytes"]
    assert results["one large file"][1]["ratio"] < 0.9
    assert results["to another bucket"][1]["bucket"] == "example-archive-target"
    assert results["empty prefix"][1] == {"status": "empty", "prefix": "reports/none/"}
    assert list((tmp_path / "work").iterdir()) == [], "the workspace is removed on every path"


def test_archive_refuses_too_many_files(answers):
    _, result = answers("archive", MAX_FILES="100")["three hundred files"]
    assert result == "TooManyFiles: more than 100 objects below reports/hundreds/"


def test_graph(answers):
    results = answers("graph")
    for name, (event, result) in results.items():
        size, degree = event["size"], event.get("degree", 10)
        assert result["vertices"] == size
        # Each vertex after the first brings `degree` edges, or as many as there are vertices before it.
        assert size - 1 <= result["edges"] <= size * degree
        answer = result["result"]
        match event.get("algorithm", "mst"):
            case "mst":
                assert answer["edges"] == size - 1, name
                assert answer["cost"] >= size - 1
            case "pagerank":
                assert answer["sum"] == pytest.approx(1, abs=1e-6)
                ranks = [entry["rank"] for entry in answer["top"]]
                assert len(ranks) == event.get("options", {}).get("top", 10)
                assert ranks == sorted(ranks, reverse=True)
            case "bfs":
                assert answer["reached"] == size
                assert answer["depth"] >= 1
            case "components":
                assert answer["pieces"] >= 1
                assert answer["largest"] <= size * (1 - event["options"]["remove"])
            case "betweenness":
                assert 0 < answer["score"] <= 1
                assert answer["neighbours"] >= 1


def test_graph_refuses_what_it_does_not_know(answers, tmp_path):
    answers("graph")  # skips where igraph is missing
    tests = [{"event": {"size": 10, "algorithm": "magic"}, "context": {}}, {"event": {"size": 0}, "context": {}}]
    outcomes = run("graph", tests, "app.lambda_handler", tmp_path)
    assert outcomes[0]["error"].startswith(
        "ValueError: no algorithm 'magic'; known are betweenness, bfs, components, mst, pagerank"
    )
    assert outcomes[1]["error"].startswith("ValueError: size 0")


def test_matrix(answers):
    results = answers("matrix")
    for name, (event, result) in results.items():
        if name in ("too large", "unknown method"):
            assert result["statusCode"] == 400
            continue
        assert result["statusCode"] == 200, name
        assert result["shape"] == [event["n"], event.get("rhs", 1)]
        assert result["residual"] < (1e-2 if event.get("dtype") == "float32" else 1e-8)
        assert result["attempts"] == 1
        assert result["norm"] > 0
    _, tiny = results["tiny"]
    assert sum(value**2 for row in tiny["solution"] for value in row) ** 0.5 == pytest.approx(tiny["norm"])


def test_dna(answers):
    results = answers("dna")
    points = {
        # name: (bases, points drawn)
        "given record": (14, 29),
        "two given records": (12, 14),
        "random 1,000": (1000, 2001),
        "random 10,000 with gates": (10_000, 5001),
        "random 100,000 with purine": (100_000, 4001),
        "random 500,000": (500_000, 4001),
        "random 2,000,000 with few points": (2_000_000, 501),
    }
    for name, (bases, drawn) in points.items():
        _, result = results[name]
        assert result["statusCode"] == 200, result
        assert result["headers"]["x-bases"] == str(bases)
        assert result["headers"]["x-points"] == str(drawn)
        commands = re.findall(r' d="M([^"]*)"', result["body"])
        assert sum(len(path.split(" L")) for path in commands) == drawn
    assert results["given record"][1]["headers"]["x-gc-content"] == f"{4 / 14:.4f}"
    assert len(re.findall("<path", results["two given records"][1]["body"])) == 2
    _, packed = results["through API Gateway, packed"]
    assert gzip.decompress(base64.b64decode(packed["body"])).startswith(b"<svg ")
    assert results["no DNA"][1]["statusCode"] == 400
    assert results["unknown method"][1] == {"statusCode": 400, "body": "spiral is none of squiggle, gates, purine"}
    if "from S3" in results:
        _, result = results["from S3"]
        assert result["headers"]["x-bases"] == str(30_000 + 12_345)
        assert 'id="alpha"' in result["body"] and 'id="beta"' in result["body"]


def test_dna_refuses_what_is_too_long(answers):
    _, result = answers("dna", MAX_BASES="400000")["random 500,000"]
    assert result == {"statusCode": 413, "body": "more than 400000 bases"}


def test_page(answers):
    results = answers("page")

    def rows(name):
        _, result = results[name]
        assert result["statusCode"] == 200
        body = result["body"]
        if result["isBase64Encoded"]:
            body = gzip.decompress(base64.b64decode(body)).decode()
        assert int(result["headers"]["content-length"]) == len(body.encode())
        return len(re.findall(r'<tr class="', body)), len(re.findall("<table", body)), body

    assert rows("defaults")[:2] == (20, 1)
    assert rows("100")[:2] == (100, 2)
    assert rows("1,000")[:2] == (1000, 20)
    assert rows("10,000")[:2] == (10_000, 200)
    assert rows("5,000 packed")[:2] == (5000, 100)
    assert rows("2,000 streamed")[:2] == (2000, 40)
    count, tables, body = rows("no products")
    assert (count, tables) == (0, 0) and "Nothing here." in body and "Welcome, Ada" in body
    assert "Welcome, &lt;Ada&gt;" in rows("100")[2], "names are escaped"
    assert " &amp; Co" in rows("100")[2]

    _, result = results["1,000 as JSON, one category"]
    products = json.loads(result["body"])["products"]
    assert 0 < len(products) < 1000
    assert {product["category"] for product in products} == {"toys"}
    assert results["too many"][1]["statusCode"] == 400
    assert results["unknown format"][1]["body"] == "unknown format xml"


def test_parquet(answers, cloud):
    results = answers("parquet")
    import pyarrow.parquet

    for name, rows, columns, strategy in [
        ("100 rows", 100, 6, "whole"),
        ("10,000 rows", 10_000, 6, "whole"),
        ("50,000 rows", 50_000, 6, "whole"),
        ("50,000 rows, streamed by order", 50_000, 6, "stream"),
        ("150,000 rows, streamed for their size", 150_000, 6, "stream"),
        ("150,000 rows, whole by order", 150_000, 6, "whole"),
        ("two columns of 10,000 rows", 10_000, 2, "whole"),
    ]:
        event, result = results[name]
        assert (result["status"], result["strategy"]) == ("done", strategy), name
        assert (result["rows"], result["columns"]) == (rows, columns)
    for name in ("only a header", "nothing at all"):
        assert results[name][1]["status"] == "empty"

    # What the last writer of an object left there is a table with the values of the text.
    table = pyarrow.parquet.read_table(io.BytesIO(cloud.get("example-tables", "parquet/daily/rows-150000.parquet")))
    assert table.num_rows == 150_000
    assert table.column_names == ["order_id", "created_at", "country", "amount_eur", "quantity", "comment"]
    text = seed.csv_object("daily/rows-150000.csv").decode().splitlines()[1:]
    cents = sum(int(line.split(",")[3].replace(".", "")) for line in text)
    assert round(sum(table["amount_eur"].to_pylist()) * 100) == cents
    assert Counter(table["country"].to_pylist()) == Counter(line.split(",")[2] for line in text)
    assert str(table.schema.field("created_at").type).startswith("timestamp")


def test_invoice(answers):
    results = answers("invoice")

    def document(name):
        _, result = results[name]
        assert result["status"] == "done", result
        data = base64.b64decode(result["pdf"])
        assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
        assert len(data) == result["bytes"]
        assert len(re.findall(rb"/Type /Page\b", data)) == result["pages"]
        return result

    given = document("three given lines")
    assert (given["lines"], given["net"], given["gross"], given["pages"]) == (3, "102.50", "123.00", 1)
    lines = {name: document(name)["lines"] for name in ("a month", "a quarter", "a year", "three years")}
    for name, days in (("a month", 31), ("a quarter", 90), ("a year", 365), ("three years", 1096)):
        amounts = [(offset * 37 + position * 101) % 997 for offset in range(days) for position in range(4)]
        assert lines[name] == sum(amount != 0 for amount in amounts)
    assert document("three years")["pages"] > document("a year")["pages"] > document("a month")["pages"] >= 1
    assert document("three years, only the summary")["pages"] == 1
    assert document("three years, only the summary")["net"] == document("three years")["net"]
    assert results["nothing to invoice"][1] == {"status": "rejected", "reason": "BadUsage('nothing to invoice')"}
    assert results["negative amount"][1]["status"] == "rejected"


def test_orders(answers, cloud):
    results = answers("orders")
    assert results["one order"][1] == {"batchItemFailures": [], "stored": 1, "duplicates": 0, "customers": 1}
    assert results["ten orders"][1] == {"batchItemFailures": [], "stored": 10, "duplicates": 0, "customers": 7}
    assert results["hundred orders"][1] == {"batchItemFailures": [], "stored": 100, "duplicates": 0, "customers": 30}
    assert results["orders with many items"][1]["stored"] == 5
    assert results["through SNS"][1]["stored"] == 1
    assert results["the same ten orders again"][1] == {
        "batchItemFailures": [],
        "stored": 0,
        "duplicates": 10,
        "customers": 7,
    }
    partial = results["partial failure"][1]
    assert [failure["itemIdentifier"] for failure in partial["batchItemFailures"]] == [
        "m-502",
        "m-503",
        "m-504",
        "m-506",
    ]
    assert partial["stored"] == 2

    def item(key):
        return cloud.dynamodb.get_item(TableName="orders", Key={"pk": {"S": key}})["Item"]

    stored = 0
    for page in cloud.dynamodb.get_paginator("scan").paginate(TableName="orders"):
        stored += sum(entry["pk"]["S"].startswith("ORDER#") for entry in page["Items"])
    assert stored == 1 + 10 + 100 + 5 + 1 + 2
    assert item("ORDER#o-900")["total"] == {"N": "39.98"}
    event, _ = results["hundred orders"]
    body = json.loads(event["Records"][0]["body"])
    total = sum(entry["quantity"] * Decimal(entry["price"]) for entry in body["items"])
    assert Decimal(item(f"ORDER#{body['id']}")["total"]["N"]) == total
    assert "last_batch_total" in item("CUSTOMER#c-sns")


def test_text_stats(answers):
    results = answers("text-stats")
    _, sentence = results["a sentence"]
    assert sentence["words"] == 15
    assert sentence["sentences"] == 3
    assert ["cat", 2] in sentence["top"] and ["walk", 3] in sentence["top"]
    assert results["nothing"][1]["words"] == 0
    _, two = results["two documents"]
    assert two["documents"] == {"first": 9, "document-1": 5}
    assert dict(two["top"])["cach"] == 3
    assert ["caches", "grow", 1] in two["bigrams"]
    for name in ("1,000 words", "20,000 words", "100,000 words"):
        event, result = results[name]
        assert result["words"] == event["generate"]["words"]
        assert result["distinct"] <= event["generate"]["vocabulary"]
    assert results["10 documents of 5,000 words"][1]["words"] == 50_000
    assert len(results["10 documents of 5,000 words"][1]["documents"]) == 10

    # The bug: what earlier invocations left is still there. Events run in their order.
    warm = [result["warm"] for _, result in results.values()]
    assert [entry["history"] for entry in warm] == list(range(1, len(warm) + 1))
    assert [entry["stems"] for entry in warm] == sorted(entry["stems"] for entry in warm)
    assert warm[-1]["vocabulary"] == sum(result["new"] for _, result in results.values())
    assert results["the same 20,000 words again"][1]["new"] == 0


def test_text_stats_without_history(answers):
    results = answers("text-stats", KEEP_HISTORY="0")
    assert {result["warm"]["history"] for _, result in results.values()} == {0}


def test_log_filter(answers, tmp_path):
    seed.write_logs(tmp_path / "logs")
    results = answers("log-filter", LOG_ROOT=str(tmp_path / "logs"))
    counts = {}
    for size in (100, 10_000, 200_000):
        counts[size] = list(seed.log_lines(size))

    def expected(lines, pattern):
        return sum(re.search(pattern, line) is not None for line in lines)

    for name, size, pattern in [
        ("100 lines, whole", 100, ""),
        ("10,000 lines, streamed", 10_000, '" 5\\d\\d '),
        ("10,000 lines, whole", 10_000, '" 5\\d\\d '),
        ("200,000 lines, streamed", 200_000, '"GET [^"]*" 4\\d\\d '),
        ("200,000 lines, whole", 200_000, '"GET [^"]*" 4\\d\\d '),
        ("by pattern", 10_000, "/api/v[12]/orders"),
    ]:
        _, result = results[name]
        assert result["status"] == "done"
        assert result["lines"] == size
        assert result["matched"] == expected(counts[size], pattern) > 0
        assert len(result["samples"]) == min(20, result["matched"])
    for size in ("10,000", "200,000"):
        assert results[f"{size} lines, streamed"][1] == results[f"{size} lines, whole"][1]
    sizes = [line.rsplit(" ", 1)[1].strip() for line in counts[100]]
    assert results["100 lines, whole"][1]["bytes"] == sum(int(size) for size in sizes if size != "-")
    assert results["cut off"][1] == {"status": "truncated"}
    assert results["missing"][1] == {"status": "missing", "path": "nowhere.log.gz"}
    if "from S3, whole" in results:
        assert results["from S3, whole"][1] == results["from S3, streamed"][1]
        assert results["from S3, whole"][1]["matched"] == expected(counts[10_000], '"POST ')


def test_log_filter_of_a_subscription(answers):
    assert handlers("log-filter") == ["app.lambda_handler", "app.subscription_handler"]
    results = answers("log-filter", file="events-subscription.json", handler="app.subscription_handler")
    for name, lines in (
        ("one message", 1),
        ("50 messages", 50),
        ("500 messages", 500),
        ("3,000 messages", 3000),
        ("control message", 0),
    ):
        _, result = results[name]
        assert (result["lines"], result["matched"]) == (lines, (lines + 4) // 5)


def test_log_filter_stays_below_its_folder(tmp_path):
    tests = [{"event": {"path": "../secret"}, "context": {}}]
    (outcome,) = run("log-filter", tests, "app.lambda_handler", tmp_path, LOG_ROOT=str(tmp_path / "logs"))
    assert outcome["error"].startswith("PermissionError")


def test_routes(answers):
    results = answers("routes")
    assert results["one cell"][1]["length"] == 0
    for name, (event, result) in results.items():
        if name == "no way out":
            assert result == {"found": False, "visited": 40 * 40}
            continue
        width, height = event["width"], event.get("height", event["width"])
        assert result["found"]
        assert width + height - 2 <= result["length"] < width * height
        # A cell is visited again when a shorter way to it is found late, which only happens with A*.
        assert result["length"] < result["visited"] or width == 1
        assert result["cached"] <= 2
    same = [results[name][1] for name in ("300 x 300 breadth first", "300 x 300 A*, the same maze")]
    assert same[0]["length"] == same[1]["length"], "both searches find a shortest way"
    assert same[1]["visited"] <= same[0]["visited"]
    _, small = results["10 x 10 with picture"]
    steps = [(int(count), letter) for count, letter in re.findall(r"(\d+)([NESW])", small["directions"])]
    assert sum(count for count, _ in steps) == small["length"]
    moved = Counter()
    for count, letter in steps:
        moved[letter] += count
    assert (moved["E"] - moved["W"], moved["S"] - moved["N"]) == (9, 9)
    assert small["picture"].count("*") == small["length"] + 1
