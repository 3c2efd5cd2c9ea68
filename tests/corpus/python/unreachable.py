def handler(event, context):
    return 1
    def dead(): return f()
    class Dead: x = g()
    for x in y: z()
    try: a()
    except: b()
    yield


def after_raise():
    raise ValueError
    x = 1


def after_loop():
    while True:
        continue
        x = 1
    y = 2


def after_with():
    with a: return 1
    reachable()
