"""Moves objects between S3 and the local disk."""

import os

import boto3
from boto3.s3.transfer import TransferConfig

KIB = 1024
CONFIG = TransferConfig(
    multipart_chunksize=8 * KIB * KIB,
    max_concurrency=int(os.environ.get("TRANSFER_THREADS", "4")),
)

s3 = boto3.client("s3")


class TooManyFiles(RuntimeError):
    pass


class Downloader:
    def __init__(self, bucket, limit):
        self.bucket = bucket
        self.limit = limit
        self.seen = 0

    def keys(self, prefix):
        paginator = s3.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                if entry["Key"].endswith("/"):
                    continue
                self.seen += 1
                if self.seen > self.limit:
                    raise TooManyFiles(f"more than {self.limit} objects below {prefix}")
                yield entry["Key"]

    def fetch_all(self, prefix, folder):
        """Downloads every object below `prefix` and yields the local paths."""
        for key in self.keys(prefix):
            relative = key[len(prefix) :].lstrip("/")
            path = os.path.join(folder, relative)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            s3.download_file(self.bucket, key, path, Config=CONFIG)
            yield path


def upload(bucket, key, path):
    s3.upload_file(path, bucket, key, ExtraArgs={"ContentType": "application/zip"}, Config=CONFIG)
