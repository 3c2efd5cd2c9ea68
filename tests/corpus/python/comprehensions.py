def handler(event, context):
    a = [x for x in y]
    b = [f(x, z) for x in g() if h(x) if i(x) for z in x if z]
    c = {x: [w for w in x] for x in {y for y in z}}
    d = (x for x in (y for y in (z for z in range(3))))
    e = [[[i for i in range(j)] for j in range(k)] for k in range(event["n"])]
    f = [lambda: x for x in range(3)]
    g = sum(x * y for x, y in zip(a, b) if x if y)
    h = {**{k: v for k, v in c.items()}, "a": 1}
    i = [*a, *(x for x in b)]
    j = [x for x, in a]
    k = [x.y for x.y in a]
    l = [x if x else y for x in (a if b else c)]
    return any(x in y for y in a)
