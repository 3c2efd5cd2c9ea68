"""Sequences in FASTA form."""

import codecs
import random

ALPHABET = frozenset("ACGTN")


class BadSequence(ValueError):
    pass


def parse(lines):
    """Yields (name, bases) for each record; a record is held whole, the file is not."""
    name, parts = None, []
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith(";"):
            continue
        if line[0] == ">":
            if name is not None:
                yield name, "".join(parts)
            name, parts = line[1:].split(maxsplit=1)[0] if len(line) > 1 else f"record-{number}", []
            continue
        bases = line.upper()
        if unknown := set(bases) - ALPHABET:
            raise BadSequence(f"line {number}: {', '.join(sorted(unknown))} is no base")
        parts.append(bases)
    if parts or name is not None:
        yield name or "unnamed", "".join(parts)


def random_sequence(length, seed):
    return f"random-{seed}", "".join(random.Random(seed).choices("ACGT", k=length))


def from_bucket(bucket, key):
    import boto3  # only this path needs it, and it is the slowest import

    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    try:
        yield from parse(codecs.getreader("ascii")(body))
    finally:
        body.close()
