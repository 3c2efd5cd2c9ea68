"""Functions in variables, containers and closures."""
def counter():
    n = 0
    def step(f):
        nonlocal n
        n += 1
        return f
    def reset():
        nonlocal step
        step = other
    return step, reset
def other(f): return f
def a(): pass
def b(): pass
step, reset = counter()
step(a)()
reset()
fns = []
def make(f):
    def run(): f()
    return run
for f in (a, b): fns.append(make(f))
for g in fns: g()
handlers = {}
def register(name):
    def deco(f):
        handlers[name] = f
        return f
    return deco
@register("x")
def hx(): pass
@register("y")
def hy(): pass
for name in handlers: handlers[name]()
handlers.get("x")()
for k, h in handlers.items(): h()
class Cache:
    def __init__(self): self.f = None
    def use(self, f):
        self.f = f
        return self
    def go(self): return self.f()
Cache().use(a).go()
fact = lambda n: 1 if n == 0 else n * fact(n - 1)
fact(3)
def even(n): return True if n == 0 else odd(n - 1)
def odd(n): return False if n == 0 else even(n - 1)
even(4)
