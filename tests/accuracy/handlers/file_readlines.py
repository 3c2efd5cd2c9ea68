"""Writes numbers to /tmp, reads them with readlines, sorts them."""

import os


def handler(event, context):
    path = "/tmp/accuracy_numbers.txt"
    count = event["count"]
    with open(path, "w", encoding="utf-8") as out:
        for i in range(count):
            out.write(f"{(i * 7919) % count}\n")
    with open(path, encoding="utf-8") as source:
        numbers = [int(line) for line in source.readlines()]
    numbers.sort()
    os.unlink(path)
    return {"median": numbers[len(numbers) // 2]}
