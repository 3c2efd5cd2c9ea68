"""Writes thumbnails of every image that arrives in a bucket."""

import logging
import os
import posixpath
from urllib.parse import unquote_plus

from imaging import ImageTooLarge, Thumbnailer, UnsupportedImage
from storage import ObjectStore

LOG = logging.getLogger(__name__)
LOG.setLevel(os.environ.get("LOG_LEVEL", "WARNING"))

MAX_OBJECT_BYTES = int(os.environ.get("MAX_OBJECT_MB", "64")) * 1024 * 1024
OUTPUT_BUCKET = os.environ.get("OUTPUT_BUCKET")
PREFIX = os.environ.get("THUMBNAIL_PREFIX", "thumbnails/")
SIDES = sorted({int(side) for side in os.environ.get("SIDES", "256,64").split(",")}, reverse=True)

store = ObjectStore()
thumbnailer = Thumbnailer(quality=int(os.environ.get("QUALITY", "85")), use_draft=os.environ.get("USE_DRAFT") == "1")


def target_key(key: str, side: int, extension: str) -> str:
    stem, _ = posixpath.splitext(posixpath.basename(key))
    return f"{PREFIX}{side}/{stem}.{extension}"


def process(record: dict) -> dict:
    bucket = record["s3"]["bucket"]["name"]
    entity = record["s3"]["object"]
    key = unquote_plus(entity["key"])
    if key.startswith(PREFIX):
        return {"key": key, "skipped": "is a thumbnail"}
    if entity.get("size", 0) > MAX_OBJECT_BYTES:
        return {"key": key, "skipped": "object too large"}

    body = store.read(bucket, key)
    with thumbnailer.open(body, largest=SIDES[0]) as image:
        width, height = image.size
        written = []
        for side in SIDES:
            data, extension, size = thumbnailer.render(image, side)
            name = target_key(key, side, extension)
            store.write(OUTPUT_BUCKET or bucket, name, data, f"image/{extension}")
            written.append({"key": name, "width": size[0], "height": size[1], "bytes": len(data)})
    return {"key": key, "width": width, "height": height, "thumbnails": written}


def lambda_handler(event, context):
    done, skipped, failed = [], [], []
    for record in event.get("Records", []):
        try:
            outcome = process(record)
        except (UnsupportedImage, ImageTooLarge) as error:
            LOG.warning("no thumbnail: %s", error)
            failed.append({"key": record["s3"]["object"]["key"], "error": str(error)})
            continue
        (skipped if "skipped" in outcome else done).append(outcome)
    return {"done": done, "skipped": skipped, "failed": failed}
