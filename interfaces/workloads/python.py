"""How the contracts of Python's standard library are tried. Sizes are bytes."""

import base64
import bz2
import gzip
import hashlib
import html
import io
import json
import os
import pathlib
import pickle
import random
import re
import shutil
import tempfile
import zlib

from check import call, kind, workload

kind(lambda x: isinstance(x, io.BytesIO), "io.BytesIO", length=lambda b: len(b.getbuffer()))
kind(lambda x: isinstance(x, io.StringIO), "io.StringIO", length=lambda b: len(b.getvalue()))
kind(lambda x: isinstance(x, io.TextIOWrapper), "io.TextIOWrapper", length=lambda f: os.fstat(f.fileno()).st_size)
kind(lambda x: isinstance(x, io.BufferedReader), "io.BufferedReader", length=lambda f: os.fstat(f.fileno()).st_size)
kind(lambda x: isinstance(x, pathlib.Path), "pathlib.Path")

data = lambda n: random.Random(1).randbytes(n)
text = lambda n: "ab c,de fg\n" * (n // 11)
SIZES = (2_900_000, 7_300_000)


def simple(name, make, label="_", **options):
    make.__name__ = label
    options.setdefault("sizes", SIZES)
    workload(name, **options)(make)


def file_of(n, as_text=False):
    path = pathlib.Path(tempfile.gettempdir()) / f"meminterface-check-{os.getpid()}"
    path.write_bytes(text(n).encode() if as_text else data(n))
    return path


simple("io.BufferedReader.read", lambda n: call(open(file_of(n), "rb").read))
simple("io.TextIOWrapper.read", lambda n: call(open(file_of(n, True)).read))
simple("io.TextIOWrapper.write", lambda n: call(open(os.devnull, "w").write, text(n)))
simple("pathlib.Path.read_bytes", lambda n: call(file_of(n).read_bytes).given(file_bytes=n))
simple("pathlib.Path.read_text", lambda n: call(file_of(n, True).read_text).given(file_bytes=n // 11 * 11))
simple("io.BytesIO.write", lambda n: call(io.BytesIO().write, data(n)))
simple("io.BytesIO.getvalue", lambda n: call(io.BytesIO(data(n)).getvalue))
simple("io.StringIO", lambda n: call(io.StringIO, text(n)))
simple("io.StringIO.write", lambda n: call(io.StringIO().write, text(n)), tolerance=26)
for name in ("b64encode", "urlsafe_b64encode"):
    simple(f"base64.{name}", lambda n, f=getattr(base64, name): call(f, data(n)))
simple("base64.b64decode", lambda n: call(base64.b64decode, base64.b64encode(data(n))))
simple("base64.b64decode", lambda n: call(base64.b64decode, base64.b64encode(data(n)).decode()), "str")
simple("base64.b85encode", lambda n: call(base64.b85encode, data(n)), sizes=(700_000, 1_500_000))
simple("zlib.compress", lambda n: call(zlib.compress, data(n)).given(compressed_bytes=n), tolerance=40)
simple("zlib.decompress", lambda n: call(zlib.decompress, zlib.compress(data(n))).given(decompressed_bytes=n), tolerance=40)
simple("gzip.compress", lambda n: call(gzip.compress, data(n)).given(compressed_bytes=n), tolerance=40)
simple("gzip.decompress", lambda n: call(gzip.decompress, gzip.compress(data(n))).given(decompressed_bytes=n), tolerance=40, sizes=(4_300_000, 9_700_000))
simple("bz2.compress", lambda n: call(bz2.compress, data(n)).given(compressed_bytes=n), tolerance=40)
simple("hashlib.sha256", lambda n: call(hashlib.sha256, data(n)))
simple("pickle.dumps", lambda n: call(pickle.dumps, data(n)), "bytes", tolerance=40)
simple("json.dumps", lambda n: call(json.dumps, [{"id": i, "v": i * 1.5} for i in range(n // 40)]).given(
    json_bytes=len(json.dumps([{"id": i, "v": i * 1.5} for i in range(n // 40)]))), tolerance=12)
simple("os.urandom", lambda n: call(os.urandom, n).on(None))
simple("random.randbytes", lambda n: call(random.randbytes, n).on(None))
simple("re.findall", lambda n: call(re.findall, r"[a-z]+", text(n)).given(match_count=n // 11 * 4, match_bytes=1.75), tolerance=50)
simple("re.sub", lambda n: call(re.sub, "a", "b", text(n)).given(match_count=n // 11), tolerance=20)
simple("html.escape", lambda n: call(html.escape, text(n)))
simple("shutil.copyfileobj", lambda n: call(shutil.copyfileobj, open(file_of(n), "rb"), open(os.devnull, "wb")))
