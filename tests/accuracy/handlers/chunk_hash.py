"""Hashes a file in chunks whose size the event gives."""

import hashlib
import os


def handler(event, context):
    chunk_size = event["chunk_kb"] * 1024
    path = "/tmp/accuracy_blob.bin"
    with open(path, "wb") as file:
        for i in range(event.get("chunks", 4)):
            file.write(bytes([i % 256]) * chunk_size)
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            chunk = file.read(chunk_size)
            if not chunk:
                break
            digest.update(chunk)
    os.remove(path)
    return {"sha256": digest.hexdigest()}
