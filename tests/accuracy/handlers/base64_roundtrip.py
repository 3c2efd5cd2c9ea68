"""Encodes random bytes as base64 and back."""

import base64
import os


def handler(event, context):
    data = os.urandom(event["size"])
    encoded = base64.b64encode(data)
    text = encoded.decode("ascii")
    decoded = base64.b64decode(text)
    return {"encoded": len(text), "same": decoded == data}
