"""Finds all error lines and addresses of a log text."""

import re

LINE = re.compile(r"^(\d+) (INFO|ERROR) (\S+) (.*)$", re.MULTILINE)


def make_log(lines):
    return "\n".join(
        f"{i} {'ERROR' if i % 4 == 0 else 'INFO'} host-{i % 100} request {i} served in {i % 1000} ms" for i in range(lines)
    )


def handler(event, context):
    log = make_log(event["lines"])
    matches = LINE.findall(log)
    errors = [match for match in matches if match[1] == "ERROR"]
    return {"matches": len(matches), "errors": len(errors)}
