"""Where logs come from. Each source can be read whole or line by line."""

import base64
import gzip
import io
import json
import os
import zlib
from abc import ABC, abstractmethod
from contextlib import contextmanager

LOG_ROOT = os.environ.get("LOG_ROOT", "/mnt/logs")


class Source(ABC):
    @abstractmethod
    def open(self):
        """A binary file object with the packed bytes."""

    def read(self):
        file = self.open()
        try:
            return file.read()
        finally:
            file.close()

    @contextmanager
    def lines(self):
        with self.open() as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            yield io.TextIOWrapper(unpacked, encoding="utf-8", errors="replace")


class FileSource(Source):
    def __init__(self, path):
        full = os.path.normpath(os.path.join(LOG_ROOT, path))
        if not full.startswith(os.path.join(LOG_ROOT, "")):
            raise PermissionError(f"{path} is not below the log folder")
        self.path = full

    def open(self):
        return open(self.path, "rb")


class BucketSource(Source):
    def __init__(self, bucket, key):
        import boto3

        self.client = boto3.client("s3")
        self.bucket, self.key = bucket, key

    def open(self):
        return self.client.get_object(Bucket=self.bucket, Key=self.key)["Body"]


def of(event):
    if "path" in event:
        return FileSource(event["path"])
    return BucketSource(event["bucket"], event["key"])


def unpack(packed):
    return gzip.decompress(packed)


def messages(data):
    """The messages of a CloudWatch Logs subscription: base64, then gzip, then JSON."""
    payload = json.loads(zlib.decompress(base64.b64decode(data), wbits=31))
    if payload["messageType"] != "DATA_MESSAGE":
        return
    yield from (event["message"] for event in payload["logEvents"])
