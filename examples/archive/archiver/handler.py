"""Packs all objects below a prefix into one archive."""

import logging
import os
import time

from .transfer import Downloader, upload
from .workspace import Workspace, folder_size

logger = logging.getLogger(__name__)

ROOT = os.environ.get("WORK_ROOT", "/tmp")
DEFAULT_LEVEL = int(os.getenv("COMPRESSION_LEVEL", 6))
MAX_FILES = int(os.getenv("MAX_FILES", "1000"))


def timed(function):
    """Adds the milliseconds that `function` took to the result, a dictionary."""

    def wrapper(*args, **kwargs):
        begin = time.perf_counter()
        result = function(*args, **kwargs)
        result["milliseconds"] = round((time.perf_counter() - begin) * 1000, 3)
        return result

    return wrapper


def output_of(event: dict) -> tuple[str, str]:
    output = event.get("output") or {}
    prefix = event["prefix"].strip("/").replace("/", "-")
    return output.get("bucket", event["bucket"]), output.get("key", "archives/{}.zip".format(prefix))


@timed
def collect(bucket, prefix, workspace):
    downloader = Downloader(bucket, limit=MAX_FILES)
    count = 0
    for path in downloader.fetch_all(prefix, workspace.downloads):
        logger.debug("fetched %s", path)
        count += 1
    return {"files": count, "bytes": folder_size(workspace.downloads)}


@timed
def pack(workspace, name, level):
    if level == 0:
        path = workspace.store(name)
    else:
        path = workspace.compress(name, level)
    return {"path": path, "bytes": os.path.getsize(path)}


def handle(event, context):
    bucket, prefix = event["bucket"], event["prefix"]
    level = int(event.get("level", DEFAULT_LEVEL))
    target_bucket, target_key = output_of(event)

    with Workspace(ROOT, context.aws_request_id) as workspace:
        collected = collect(bucket, prefix, workspace)
        if not collected["files"]:
            return {"status": "empty", "prefix": prefix}
        packed = pack(workspace, os.path.basename(target_key), level)
        upload(target_bucket, target_key, packed.pop("path"))

    ratio = packed["bytes"] / collected["bytes"] if collected["bytes"] else 1.0
    return {
        "status": "done",
        "bucket": target_bucket,
        "key": target_key,
        "collected": collected,
        "packed": packed,
        "ratio": round(ratio, 4),
    }
