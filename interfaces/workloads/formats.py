"""Documents and their formats: XML, HTML, YAML, spreadsheets, PDF, templates, tables in files, encrypted bytes."""

import io

import bs4
import jinja2
import lxml.etree
import lxml.html
import markdown
import openpyxl
import orjson
import pydantic
import yaml
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from meminterface_workloads import call, kind, sizes, workload

kind(lxml.etree._Element, "lxml.etree._Element")
kind(lxml.etree._ElementTree, "lxml.etree._ElementTree")
kind(bs4.BeautifulSoup, "bs4.BeautifulSoup")
kind(jinja2.Template, "jinja2.Template")
kind(openpyxl.Workbook, "openpyxl.Workbook", cells=lambda b: sum(s.max_row * s.max_column for s in b.worksheets))
WORDS = "memory handler event server function interface bytes request peak value table cloud".split()


def words(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def xml(rng, rows):
    items = "".join(f'<item id="{n}"><name>{words(rng, 3)}</name><value>{rng.random()}</value></item>' for n in range(rows))
    return f"<items>{items}</items>"


def html(rng, rows):
    items = "".join(f'<li class="c{n % 5}"><a href="/p/{n}">{words(rng, 6)}</a></li>' for n in range(rows))
    return f"<html><head><title>t</title></head><body><ul>{items}</ul></body></html>"


ROWS = sizes(200, 20_000, edges=())
workload("lxml.etree.fromstring", rows=ROWS, parameters=["text", "parser=None", "*", "base_url=None"])(
    lambda rng, rows: call(lxml.etree.fromstring, xml(rng, rows).encode()))
workload("lxml.etree.parse", rows=ROWS, parameters=["source", "parser=None", "*", "base_url=None"], externals={"file_bytes": "bytes of the document"})(
    lambda rng, rows: (lambda text: call(lxml.etree.parse, io.BytesIO(text)).given(file_bytes=len(text)))(xml(rng, rows).encode()))
workload("lxml.html.fromstring", rows=ROWS, parameters=["html", "base_url=None", "parser=None", "**kw"])(
    lambda rng, rows: call(lxml.html.fromstring, html(rng, rows)))
workload("lxml.etree.tostring", rows=ROWS, parameters=["element_or_tree", "*", "encoding=None"])(
    lambda rng, rows: (lambda text: call(lxml.etree.tostring, lxml.etree.fromstring(text)).described(_0__document_bytes=len(text)))(xml(rng, rows)))
for parser in ("html.parser", "lxml"):
    workload("bs4.BeautifulSoup", rows=sizes(60, 2500, edges=()), parameters=["markup=''", "features=None"])(
        lambda rng, rows, parser=parser: call(bs4.BeautifulSoup, html(rng, rows), parser))
workload("bs4.BeautifulSoup.find_all", rows=sizes(100, 6000, edges=()), parameters=["name=None", "attrs=None", "recursive=True", "string=None", "limit=None"])(
    lambda rng, rows: call(bs4.BeautifulSoup(html(rng, rows), "lxml").find_all, "a").described(self__elements=2 * rows))
workload("bs4.BeautifulSoup.get_text", rows=sizes(100, 6000, edges=()))(
    lambda rng, rows: call(bs4.BeautifulSoup(html(rng, rows), "lxml").get_text).described(self__elements=2 * rows))

TEMPLATE = jinja2.Template("<ul>{% for row in rows %}<li>{{ row }}: {{ loop.index }}</li>{% endfor %}</ul>")
workload("jinja2.Template.render", rows=sizes(1000, 100_000, edges=(0,)), parameters=["*args", "**kwargs"],
         externals={"row_count": "items that the template loops over"})(
    lambda rng, rows: call(TEMPLATE.render, rows=[words(rng, 3) for _ in range(rows)]).given(row_count=rows))
workload("jinja2.Template", rows=sizes(10, 600, edges=()), parameters=["source", "**kwargs"])(
    lambda rng, rows: call(jinja2.Template, "".join(f"<p>{{{{ value{n} }}}} {words(rng, 4)}</p>\n" for n in range(rows))))
workload("markdown.markdown", rows=sizes(20, 1000, edges=()))(
    lambda rng, rows: call(markdown.markdown, "".join(f"# {words(rng, 3)}\n\n{words(rng, 40)} *{words(rng, 2)}*\n\n- {words(rng, 5)}\n\n" for _ in range(rows))))


def document(rng, rows):
    return [{"id": n, "name": words(rng, 2), "value": rng.random(), "tags": [words(rng, 1), words(rng, 1)]} for n in range(rows)]


workload("yaml.safe_load", rows=sizes(10, 500, edges=()))(lambda rng, rows: call(yaml.safe_load, yaml.safe_dump(document(rng, rows))))
workload("yaml.safe_dump", rows=sizes(10, 500, edges=()), parameters=["data", "stream=None", "**kwds"])(
    lambda rng, rows: call(yaml.safe_dump, document(rng, rows)))


class Record(pydantic.BaseModel):
    id: int
    name: str
    value: float
    tags: list


ADAPTER = pydantic.TypeAdapter(list[Record])
kind(pydantic.TypeAdapter, "pydantic.TypeAdapter")
workload("pydantic.TypeAdapter.validate_json", rows=sizes(200, 20_000, edges=(0,)), parameters=["data", "*", "strict=None", "context=None"])(
    lambda rng, rows: call(ADAPTER.validate_json, orjson.dumps(document(rng, rows))))
workload("pydantic.TypeAdapter.validate_python", rows=sizes(200, 20_000, edges=(0,)), parameters=["object", "*", "strict=None"])(
    lambda rng, rows: call(ADAPTER.validate_python, document(rng, rows)))
workload("pydantic.TypeAdapter.dump_json", rows=sizes(200, 20_000, edges=(0,)), parameters=["instance", "*", "indent=None"])(
    lambda rng, rows: call(ADAPTER.dump_json, ADAPTER.validate_python(document(rng, rows))))


def book(rng, rows, columns):
    made = openpyxl.Workbook()
    sheet = made.active
    for _ in range(rows):
        sheet.append([rng.random() if n % 2 else words(rng, 2) for n in range(columns)])
    return made


def saved(made):
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer


TALL, WIDE = sizes(60, 2500, edges=()), sizes(2, 12, edges=())
workload("openpyxl.load_workbook", rows=TALL, columns=WIDE, externals={"file_bytes": "bytes of the file", "cell_count": "cells of the workbook"})(
    lambda rng, rows, columns: (lambda b: call(openpyxl.load_workbook, b).given(file_bytes=len(b.getvalue()), cell_count=rows * columns))(saved(book(rng, rows, columns))))
workload("openpyxl.Workbook.save", rows=TALL, columns=WIDE)(
    lambda rng, rows, columns: call(book(rng, rows, columns).save, io.BytesIO()))
kind(type(openpyxl.Workbook().active), "openpyxl.worksheet.worksheet.Worksheet")
workload("openpyxl.worksheet.worksheet.Worksheet.append", columns=sizes(100, 16_000, edges=()))(
    lambda rng, columns: call(openpyxl.Workbook().active.append, [rng.random() for _ in range(columns)]))

BYTES = sizes(20_000, 20_000_000)
KEY = Fernet(Fernet.generate_key())
kind(Fernet, "cryptography.fernet.Fernet")
kind(AESGCM, "cryptography.hazmat.primitives.ciphers.aead.AESGCM")
kind(ChaCha20Poly1305, "cryptography.hazmat.primitives.ciphers.aead.ChaCha20Poly1305")
workload("cryptography.fernet.Fernet.encrypt", n=BYTES)(lambda rng, n: call(KEY.encrypt, rng.randbytes(n)))
workload("cryptography.fernet.Fernet.decrypt", n=BYTES)(lambda rng, n: call(KEY.decrypt, KEY.encrypt(rng.randbytes(n))))
for name, cipher in (("AESGCM", AESGCM(b"0" * 32)), ("ChaCha20Poly1305", ChaCha20Poly1305(b"0" * 32))):
    path = f"cryptography.hazmat.primitives.ciphers.aead.{name}"
    workload(f"{path}.encrypt", n=BYTES, parameters=["nonce", "data", "associated_data"])(
        lambda rng, n, cipher=cipher: call(cipher.encrypt, b"0" * 12, rng.randbytes(n), None))
    workload(f"{path}.decrypt", n=BYTES, parameters=["nonce", "data", "associated_data"])(
        lambda rng, n, cipher=cipher: call(cipher.decrypt, b"0" * 12, cipher.encrypt(b"0" * 12, rng.randbytes(n), None), None))

# Constructors: nothing of theirs depends on a size.
for path, make in {
    "openpyxl.Workbook": openpyxl.Workbook,
    "cryptography.fernet.Fernet": lambda: Fernet(Fernet.generate_key()),
    "cryptography.hazmat.primitives.ciphers.aead.AESGCM": lambda: AESGCM(b"0" * 32),
    "cryptography.hazmat.primitives.ciphers.aead.ChaCha20Poly1305": lambda: ChaCha20Poly1305(b"0" * 32),
    "pydantic.TypeAdapter": lambda: pydantic.TypeAdapter(list[Record]),
}.items():
    workload(path, repetitions=3, parameters=["*args", "**kwargs"])(lambda rng, make=make: call(make))
