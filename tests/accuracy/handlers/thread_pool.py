"""Workers that each need a buffer, in a thread pool."""

import hashlib
from concurrent.futures import ThreadPoolExecutor


def digest(part):
    number, size = part
    block = bytearray(size)
    for offset in range(0, size, 4096):
        block[offset] = number % 256
    return hashlib.sha256(block).hexdigest()


def handler(event, context):
    size = event["part_size"]
    parts = [(number, size) for number in range(event.get("parts", 16))]
    with ThreadPoolExecutor(max_workers=event.get("workers", 4)) as pool:
        digests = list(pool.map(digest, parts))
    return {"digests": digests}
