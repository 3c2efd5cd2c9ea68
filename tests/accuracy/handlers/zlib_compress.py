"""Compresses a generated text with zlib, then expands it."""

import zlib


def handler(event, context):
    lines = event["lines"]
    text = "".join(f"line {i}: the quick brown fox jumps over the lazy dog\n" for i in range(lines))
    data = text.encode("utf-8")
    packed = zlib.compress(data, 6)
    restored = zlib.decompress(packed)
    return {"original": len(data), "packed": len(packed), "same": restored == data}
