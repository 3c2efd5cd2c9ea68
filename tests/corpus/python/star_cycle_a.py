from star_cycle_b import *
from star_cycle_a import *
from . import star_cycle_a


def handler(event, context):
    return from_b(event)


def from_a(event):
    return from_b(event)
