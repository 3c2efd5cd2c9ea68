"""Renders a product page with Jinja2, for API Gateway."""

import base64
import datetime
import functools
import gzip
import html
import json
import os
import pathlib

from jinja2 import Environment, FileSystemLoader, select_autoescape

import catalogue

ROOT = pathlib.Path(__file__).resolve().parent
PAGE_SIZE = int(os.environ.get("PAGE_SIZE", "50"))
MAX_PRODUCTS = int(os.environ.get("MAX_PRODUCTS", "100000"))

environment = Environment(
    loader=FileSystemLoader(str(ROOT / "templates")),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)


def money(cents, currency="EUR"):
    return f"{cents // 100}.{cents % 100:02d} {currency}"


environment.filters["money"] = money


def api(function):
    """Turns the (status, content type, text) of `function` into an answer of API Gateway."""

    @functools.wraps(function)
    def wrapper(event, context):
        try:
            status, content_type, text = function(event, context)
        except (KeyError, ValueError) as error:
            status, content_type, text = 400, "text/plain", html.escape(str(error))
        body = text.encode("utf-8")
        headers = {"content-type": f"{content_type}; charset=utf-8", "content-length": str(len(body))}
        if "gzip" in (event.get("headers") or {}).get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            packed = base64.b64encode(gzip.compress(body)).decode()
            return {"statusCode": status, "headers": headers, "body": packed, "isBase64Encoded": True}
        return {"statusCode": status, "headers": headers, "body": text, "isBase64Encoded": False}

    return wrapper


def chunks(items, size):
    for start in range(0, len(items), size):
        yield items[start : start + size]


@api
def handler(event, context):
    query = event.get("queryStringParameters") or {}
    count = int(query.get("count", 20))
    if not 0 <= count <= MAX_PRODUCTS:
        raise ValueError(f"count must be in 0..{MAX_PRODUCTS}")
    products = catalogue.products(count, seed=int(query.get("seed", 7)))
    if wanted := query.get("category"):
        products = [product for product in products if product["category"] == wanted]

    match query.get("format", "html"):
        case "json":
            return 200, "application/json", json.dumps({"products": products})
        case "stream":
            # Renders piece by piece, but API Gateway wants one string in the end all the same.
            template = environment.get_template("page.html")
            pieces = template.generate(context_of(query, products))
            return 200, "text/html", "".join(pieces)
        case "html":
            template = environment.get_template("page.html")
            return 200, "text/html", template.render(**context_of(query, products))
        case other:
            raise ValueError(f"unknown format {other}")


def context_of(query, products):
    return {
        "user": query.get("user", "guest"),
        "now": datetime.datetime.now(datetime.timezone.utc),
        "pages": list(chunks(products, PAGE_SIZE)),
        "total": sum(product["cents"] for product in products),
        "count": len(products),
    }
