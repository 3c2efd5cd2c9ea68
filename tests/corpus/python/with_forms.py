import contextlib


def handler(event, context):
    with open("a") as a, open("b") as b.c, open("d") as e[0]:
        return a
    with (open("a")): pass
    with (open("a") as a, open("b")): pass
    with (open("a"), open("b")) as pair: pass
    with (yield): pass
    with contextlib.suppress(Exception):
        raise ValueError
    for x in y:
        with z:
            break
        with z as (p, *q):
            continue
