"""Gzips JSON lines into a buffer, as for an upload."""

import gzip
import io
import json


def handler(event, context):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as archive:
        for i in range(event["records"]):
            archive.write((json.dumps({"id": i, "value": i * i}) + "\n").encode())
    packed = buffer.getvalue()
    content = gzip.decompress(packed)
    return {"packed": len(packed), "content": len(content), "lines": content.count(b"\n")}
