from star_cycle_a import *


def from_b(event):
    return from_a(event)


class B(A): pass


from star_cycle_a import A
