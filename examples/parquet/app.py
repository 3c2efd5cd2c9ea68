"""Turns CSV objects into Parquet objects, for EventBridge's "Object Created"."""

import logging
import os
import posixpath

import boto3

from convert import STREAM, WHOLE, convert_stream, convert_whole
from schema import EmptyTable

logger = logging.getLogger("parquet")

TARGET_BUCKET = os.environ.get("TARGET_BUCKET", "example-tables")
TARGET_PREFIX = os.environ.get("TARGET_PREFIX", "parquet/")
STREAM_ABOVE_BYTES = int(float(os.environ.get("STREAM_ABOVE_MB", "4")) * 1024 * 1024)

s3 = boto3.client("s3")


def target_of(key):
    stem = posixpath.splitext(key)[0]
    if stem.endswith(".csv"):  # x.csv.gz
        stem = stem[:-4]
    return TARGET_PREFIX + stem + ".parquet"


def choose(size, forced=None):
    if forced:
        return forced
    return STREAM if size > STREAM_ABOVE_BYTES else WHOLE


def lambda_handler(event, context):
    detail = event["detail"]
    bucket, key = detail["bucket"]["name"], detail["object"]["key"]
    strategy = choose(detail["object"]["size"], event.get("strategy"))
    columns = event.get("columns")
    target = target_of(key)

    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    path = None
    try:
        if strategy == STREAM:
            path, rows, width = convert_stream(body, columns)
            written = os.path.getsize(path)
            s3.upload_file(path, TARGET_BUCKET, target)
        else:
            data, rows, width = convert_whole(body.read(), columns)
            written = len(data)
            s3.put_object(Bucket=TARGET_BUCKET, Key=target, Body=data)
    except EmptyTable as error:
        logger.warning("%s/%s: %s", bucket, key, error)
        return {"status": "empty", "key": key}
    finally:
        body.close()
        if path is not None:
            os.unlink(path)

    return {
        "status": "done",
        "strategy": strategy,
        "bucket": TARGET_BUCKET,
        "key": target,
        "rows": rows,
        "columns": width,
        "bytes": written,
    }
