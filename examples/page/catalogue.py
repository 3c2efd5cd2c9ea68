"""A made-up product catalogue."""

import random

CATEGORIES = ("books", "garden", "kitchen", "music", "toys")
_WORDS = ("oak", "blue", "small", "grand", "silver", "round", "quiet", "northern", "double", "open")


def products(count, seed):
    generator = random.Random(seed)
    result = []
    for number in range(count):
        name = " ".join(generator.sample(_WORDS, 2)).title()
        result.append(
            {
                "number": f"P{number:06d}",
                "name": f"{name} & Co",
                "category": generator.choice(CATEGORIES),
                "cents": generator.randrange(100, 100_000),
                "tags": sorted({generator.choice(_WORDS) for _ in range(3)}),
            }
        )
    return result
