"""Objects of a plain class by the thousand."""


class Particle:
    def __init__(self, x, y, mass):
        self.x = x
        self.y = y
        self.mass = mass

    def move(self, dx, dy):
        self.x += dx
        self.y += dy


def handler(event, context):
    particles = [Particle(i * 0.5, i * 0.25, 1.0 + i) for i in range(event["particles"])]
    for particle in particles:
        particle.move(0.1, -0.1)
    return {"mass": sum(p.mass for p in particles)}
