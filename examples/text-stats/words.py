"""Sentences, words, stems."""

import functools
import random
import re
import string

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SUFFIXES = ("ingly", "edly", "ing", "ed", "ly", "es", "s")


def sentences(text):
    """Splits without copying the rest of the text again and again."""
    start = 0
    for end, character in enumerate(text):
        if character in ".!?\n":
            if piece := text[start:end].strip():
                yield piece
            start = end + 1
    else:
        if tail := text[start:].strip():
            yield tail


def tokens(text):
    return (match.group(0).lower() for match in _WORD.finditer(text))


@functools.lru_cache(maxsize=None)
def stem(word):
    """Cached without limit: one entry for each word that this process ever saw."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def generate(count, vocabulary, seed):
    """A text of `count` words out of `vocabulary` different ones, with a stop after every twelfth."""
    generator = random.Random(seed)
    pool = ["".join(generator.choices(string.ascii_lowercase, k=generator.randint(3, 12))) for _ in range(vocabulary)]
    pieces = []
    remaining = count
    while remaining > 0:
        size = min(12, remaining)
        pieces.append(" ".join(generator.choice(pool) for _ in range(size)))
        remaining -= size
    return ". ".join(pieces)
