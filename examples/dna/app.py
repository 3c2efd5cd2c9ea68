"""Draws a DNA sequence as a walk in two dimensions and returns the picture as SVG."""

import base64
import gzip
import os

import fasta
import walks

MAX_BASES = int(os.environ.get("MAX_BASES", "20000000"))
POINTS = int(os.environ.get("MAX_POINTS", "4000"))
WIDTH, HEIGHT = 1200, 400


class Request:
    """What is drawn and how, from an API Gateway event or a plain one."""

    def __init__(self, event):
        parameters = event.get("queryStringParameters") or event
        self.method = parameters.get("method", "squiggle")
        self.points = min(int(parameters.get("points", POINTS)), POINTS)
        self.compressed = "gzip" in (event.get("headers") or {}).get("accept-encoding", "")
        self.source = parameters

    def records(self):
        source = self.source
        if "bucket" in source:
            yield from fasta.from_bucket(source["bucket"], source["key"])
        elif "fasta" in source:
            yield from fasta.parse(source["fasta"].splitlines())
        else:
            yield fasta.random_sequence(int(source.get("length", 1000)), source.get("seed", 1))


def scale(values, low, high, size, flip=False):
    span = (high - low) or 1.0
    factor = size / span
    if flip:
        return [round(size - (value - low) * factor, 2) for value in values]
    return [round((value - low) * factor, 2) for value in values]


def draw(name, bases, method, points):
    """One <path> for one sequence; `points` limits what is drawn, not what is computed."""
    xs, ys = walks.transform(bases, method)
    bounds = (min(xs), max(xs), min(ys), max(ys))
    step = max(1, len(xs) // points)
    px = scale(xs[::step], bounds[0], bounds[1], WIDTH)
    py = scale(ys[::step], bounds[2], bounds[3], HEIGHT, flip=True)
    commands = " L".join(f"{x},{y}" for x, y in zip(px, py))
    return f'<path id="{name}" fill="none" stroke="black" d="M{commands}"/>', len(px)


def lambda_handler(event, context):
    request = Request(event)
    paths, total, drawn, counts = [], 0, 0, {}
    try:
        for name, bases in request.records():
            total += len(bases)
            if total > MAX_BASES:
                return {"statusCode": 413, "body": f"more than {MAX_BASES} bases"}
            for base in "ACGTN":
                counts[base] = counts.get(base, 0) + bases.count(base)
            path, number = draw(name, bases, request.method, request.points)
            paths.append(path)
            drawn += number
    except (fasta.BadSequence, walks.UnknownMethod) as error:
        return {"statusCode": 400, "body": str(error)}

    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(paths)}</svg>'
    headers = {"content-type": "image/svg+xml", "x-bases": str(total), "x-points": str(drawn)}
    gc = counts.get("G", 0) + counts.get("C", 0)
    headers["x-gc-content"] = f"{gc / total:.4f}" if total else "0"
    if request.compressed:
        packed = gzip.compress(svg.encode(), 6)
        headers["content-encoding"] = "gzip"
        return {
            "statusCode": 200,
            "headers": headers,
            "isBase64Encoded": True,
            "body": base64.b64encode(packed).decode("ascii"),
        }
    return {"statusCode": 200, "headers": headers, "isBase64Encoded": False, "body": svg}
