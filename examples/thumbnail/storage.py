"""Objects in S3, as bytes."""

from functools import cached_property

import boto3


class ObjectStore:
    @cached_property
    def client(self):
        # Made at first use, then kept for the warm invocations.
        return boto3.client("s3")

    def read(self, bucket: str, key: str) -> bytes:
        response = self.client.get_object(Bucket=bucket, Key=key)
        return response["Body"].read()

    def write(self, bucket: str, key: str, data: bytes, content_type: str) -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
