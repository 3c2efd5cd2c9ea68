"""squiggle: DNA sequences to coordinates, by length and method."""

from meminterface_workloads import call, choice, sizes, workload
from squiggle import transform


@workload("squiggle.transform", length=sizes(2000, 500_000, edges=(1,)), method=choice("squiggle", "gates", "yau", "randic", "qi"))
def _(rng, length, method):
    return call(transform, "".join(rng.choices("ACGT", k=length)), method=method)
