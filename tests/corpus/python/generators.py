def simple():
    yield
    x = yield 1
    y = yield x, 2
    z = yield from simple()
    return (yield (yield (yield from (yield))))


def both():
    if False: yield
    return 1


def infinite():
    while True: yield from infinite()


def handler(event, context):
    g = simple()
    next(g); g.send(1); g.throw(ValueError); g.close()
    return list(g), *g, [*both()], dict(zip(infinite(), range(10)))
