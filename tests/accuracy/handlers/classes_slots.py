"""The same objects with __slots__."""


class Particle:
    __slots__ = ("x", "y", "mass")

    def __init__(self, x, y, mass):
        self.x = x
        self.y = y
        self.mass = mass


def handler(event, context):
    particles = []
    for i in range(event["particles"]):
        particles.append(Particle(i * 0.5, i * 0.25, 1.0 + i))
    return {"mass": sum(p.mass for p in particles)}
