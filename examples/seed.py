"""Puts the inputs of the examples in place: objects in S3, a table in DynamoDB, log files on disk.

    AWS_ENDPOINT_URL=http://127.0.0.1:5000 python seed.py NAME… [--files DIR]

Everything is made, from fixed seeds, at the sizes that events.json names. Only an endpoint on this machine
is accepted, so that no account is ever written to by mistake. Needs boto3, and Pillow for `thumbnail`.
"""

import argparse
import functools
import gzip
import io
import json
import os
import pathlib
import random
import re
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
REGION = "eu-west-1"


def tests(name):
    return json.loads((HERE / name / "events.json").read_text("utf-8"))["tests"]


def service(kind):
    import boto3

    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if urllib.parse.urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit(f"AWS_ENDPOINT_URL must name this machine, not {endpoint or 'nothing'}")
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
    return boto3.client(kind)


def bucket(name):
    """Makes a bucket and gives a function that puts objects into it."""
    s3 = service("s3")
    if name not in {entry["Name"] for entry in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_DEFAULT_REGION"]}
        )
    return functools.partial(s3.put_object, Bucket=name)


@functools.lru_cache(maxsize=8)
def noise(count, seed):
    """`count` bytes that compress about as well as office documents."""
    generator = random.Random(seed)
    words = [generator.randbytes(generator.randint(3, 9)) for _ in range(2000)]
    return b"".join(generator.choices(words, k=count // 3 + 1))[:count]


def image(key, size):
    """A picture of the dimensions in its name, padded behind its end to `size` bytes."""
    from PIL import Image

    width, height = map(int, re.search(r"(\d+)x(\d+)", key).groups())
    suffix = key.rsplit(".", 1)[1]
    gradient = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge(
        "RGB", (gradient, gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT), gradient.point(lambda v: 255 - v))
    )
    options = {}
    if suffix == "png":
        picture.putalpha(gradient)
    elif "rotated" in key:
        exif = Image.Exif()
        exif[0x0112] = 6  # orientation: rotate by 90 degrees to show
        options["exif"] = exif
    buffer = io.BytesIO()
    picture.save(buffer, "PNG" if suffix == "png" else "JPEG", **options)
    data = buffer.getvalue()
    if len(data) > size:
        raise ValueError(f"{key}: {len(data)} bytes are more than the {size} of the event")
    return data.ljust(size, b"\0")


def seed_thumbnail(_files):
    put = bucket("example-photos")
    for test in tests("thumbnail"):
        for record in test["event"]["Records"]:
            entry = record["s3"]["object"]
            key = urllib.parse.unquote_plus(entry["key"])
            if key.endswith(".txt"):
                put(Key=key, Body=noise(entry["size"], 1))
            elif key.startswith("photos/") and "x" in key:
                put(Key=key, Body=image(key, entry["size"]))


ARCHIVE_FILES = {
    # prefix: (number of files, bytes of each, how the files are named)
    "reports/few/": (5, 4 * 1024, "{:04d}.txt"),
    "reports/fifty/": (50, 10 * 1024, "{:04d}.csv"),
    "reports/hundreds/": (300, 2 * 1024, "{:04d}.log"),
    "reports/nested/": (24, 30 * 1024, "{0:04d}/part/{0:04d}.bin"),
    "reports/large/": (1, 24 * 1024 * 1024, "{:04d}.bin"),
}


def seed_archive(_files):
    put = bucket("example-archive-source")
    bucket("example-archive-target")
    for prefix, (count, size, name) in ARCHIVE_FILES.items():
        for number in range(count):
            put(Key=prefix + name.format(number), Body=noise(size, number))
    put(Key="reports/few/folder/", Body=b"")


def seed_dna(_files):
    generator = random.Random(11)
    records = []
    for name, length in (("alpha", 30_000), ("beta", 12_345)):
        bases = "".join(generator.choices("ACGT", k=length))
        records.append(f">{name} made up\n" + "\n".join(bases[at : at + 70] for at in range(0, length, 70)))
    bucket("example-genomes")(Key="two-records.fasta", Body=("\n".join(records) + "\n").encode())


@functools.lru_cache(maxsize=None)
def csv_object(key):
    if key.endswith("nothing.csv"):
        return b""
    rows = int(re.search(r"rows-(\d+)", key)[1])
    generator = random.Random(rows)
    lines = ["Order ID,Created at,Country,Amount (EUR),Quantity,Comment"]
    for number in range(rows):
        country = generator.choice(("AT", "BE", "DE", "FR", "IT", "NL"))
        comment = "" if number % 4 else f"note {generator.randrange(10**6)}"
        lines.append(
            f"{number},2026-01-{1 + number % 28:02d}T{number % 24:02d}:00:00Z,{country},"
            f"{generator.randrange(10**6) / 100:.2f},{generator.randint(1, 9)},{comment}"
        )
    return ("\n".join(lines) + "\n").encode()


def seed_parquet(_files):
    put = bucket("example-csv")
    bucket("example-tables")
    for key in sorted({test["event"]["detail"]["object"]["key"] for test in tests("parquet")}):
        put(Key=key, Body=csv_object(key))


def seed_orders(_files):
    dynamodb = service("dynamodb")
    if "orders" in dynamodb.list_tables()["TableNames"]:
        return
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def log_lines(count):
    generator = random.Random(count)
    paths = ("/", "/login", "/api/v1/orders", "/api/v2/orders", "/api/v1/users", "/static/app.js")
    for number in range(count):
        address = f"10.0.{number % 7}.{generator.randrange(256)}"
        method = generator.choice(("GET", "GET", "GET", "POST", "DELETE"))
        status = generator.choices((200, 301, 404, 500), weights=(90, 3, 5, 2))[0]
        size = "-" if status == 301 else str(generator.randrange(50_000))
        time = f"01/Jan/2026:{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d} +0000"
        yield f'{address} - - [{time}] "{method} {generator.choice(paths)} HTTP/1.1" {status} {size}\n'


def packed_log(count):
    return gzip.compress("".join(log_lines(count)).encode(), mtime=0)


def write_logs(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for count in (100, 10_000, 200_000):
        (folder / f"access-{count}.log.gz").write_bytes(packed_log(count))
    (folder / "truncated.log.gz").write_bytes(packed_log(100)[:-20])


def seed_log_filter(files):
    if files is not None:
        write_logs(files)
    bucket("example-logs")(Key="access-10000.log.gz", Body=packed_log(10_000))


SEEDS = {
    "archive": seed_archive,
    "dna": seed_dna,
    "log-filter": seed_log_filter,
    "orders": seed_orders,
    "parquet": seed_parquet,
    "thumbnail": seed_thumbnail,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", metavar="NAME", choices=sorted(SEEDS), help=", ".join(sorted(SEEDS)))
    parser.add_argument("--files", type=pathlib.Path, help="folder for log files (what LOG_ROOT of log-filter names)")
    arguments = parser.parse_args()
    for name in arguments.names:
        SEEDS[name](arguments.files)
        print(f"{name}: inputs are in place", file=sys.stderr)


if __name__ == "__main__":
    main()
