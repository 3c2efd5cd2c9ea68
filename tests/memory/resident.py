"""Prints how much the resident high-water mark rises while one kind is built: ``resident.py KIND N``. Linux only."""

import sys


def high_water():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


KINDS = {
    "floats": lambda n: [0.5 * k for k in range(n)],
    "text": lambda n: "x" * n,
    "list": lambda n: [None] * n,
    "dict": lambda n: dict.fromkeys(range(n)),
    "tuples": lambda n: [(k, None) for k in range(n)],
}

kind, n = sys.argv[1], int(sys.argv[2])
with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")
before = high_water()
made = KINDS[kind](n)
print(high_water() - before)
