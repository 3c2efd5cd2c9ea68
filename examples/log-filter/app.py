"""Filters gzipped access logs by status and path, whole in memory or line by line."""

import os

import sources
from filters import LineFilter, Summary

MODE = os.environ.get("MODE", "stream")
MAX_SAMPLES = int(os.environ.get("MAX_SAMPLES", "20"))


def run_whole(source, wanted):
    """Everything at once: packed bytes, unpacked bytes, text, list of lines and list of matches are all alive."""
    packed = source.read()
    data = sources.unpack(packed)
    text = data.decode("utf-8", errors="replace")
    lines = text.splitlines()
    matches = [line for line in lines if wanted(line)]
    summary = Summary(MAX_SAMPLES)
    for line in matches:
        summary.add(line)
    summary.lines = len(lines)
    return summary


def run_stream(source, wanted):
    """One line at a time."""
    summary = Summary(MAX_SAMPLES)
    with source.lines() as lines:
        for line in lines:
            summary.lines += 1
            line = line.rstrip("\n")
            if not wanted(line):
                continue
            summary.add(line)
    return summary


RUNNERS = {"stream": run_stream, "whole": run_whole}


def lambda_handler(event, context):
    """For objects in S3 and for files on a mounted file system."""
    wanted = LineFilter.from_event(event.get("filter", {}))
    run = RUNNERS.get(event.get("mode", MODE))
    if run is None:
        raise ValueError(f"mode must be one of {', '.join(RUNNERS)}")
    try:
        source = sources.of(event)
        summary = run(source, wanted)
    except FileNotFoundError as error:
        return {"status": "missing", "path": os.path.basename(error.filename)}
    except EOFError:
        return {"status": "truncated"}
    return {"status": "done", **summary.to_dict()}


def subscription_handler(event, context):
    """For a subscription of CloudWatch Logs: the packed events are in the event."""
    wanted = LineFilter.from_event({"pattern": os.environ.get("PATTERN", "ERROR")})
    summary = Summary(MAX_SAMPLES)
    for message in sources.messages(event["awslogs"]["data"]):
        summary.lines += 1
        if wanted(message):
            summary.add(message)
    return {"status": "done", **summary.to_dict()}
