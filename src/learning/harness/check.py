"""Lets workload files in the form of interfaces/check.py (one size, fixed kinds) be traced too."""

import meminterface_workloads as ours
from meminterface_workloads import call, kind  # noqa: F401


def workload(name, sizes=None, traced=True, resident=True, quick=None, tolerance=None, warm=True):
    """One axis, up to the larger of the two sizes that are checked."""
    high = max(sizes or (1_300_000, 3_700_000))

    def declare(make):
        ours.workload(name, n=ours.sizes(max(high // 400, 16), high, edges=()), warm=warm)(lambda rng, n: make(n))
        return make

    return declare
