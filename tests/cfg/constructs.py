"""Constructs that the generator does not write. Functions `f*` are run with an oracle: see ground_truth.py."""


def f_async(t):
    async def agen():
        try:
            for i in t.items():
                yield i
        finally:
            t()

    class Manager:
        async def __aenter__(self):
            return t()

        async def __aexit__(self, *_):
            return t()

    async def main():
        async with Manager() as m:
            t()
            async for i in agen():
                if t():
                    break
                t()
            else:
                t()
            x = [j async for j in agen() if t()]
            return x
        y = await other()
        return y

    async def other():
        try:
            async with Manager():
                return t()
        except A:
            return await other2()
        finally:
            t()

    async def other2():
        return 2

    coroutine = main()
    try:
        coroutine.send(None)
    except StopIteration:
        t()
    return 1


def f_generator(t):
    def inner():
        try:
            x = yield t()
            yield from t.items()
            if x:
                return 1
        except GeneratorExit:
            t()
            raise
        finally:
            t()

    g = inner()
    for i in g:
        if t():
            g.close()
    del g, i
    return list(inner())


def f_delete(t):
    x = [1, 2]
    try:
        del x[t.number()], x
    except (IndexError, KeyError) as e:
        del e
    x = 1


def f_nested_loops(t):
    for i in t.items():
        for j in t.items():
            if t():
                break
            if t():
                continue
            t()
        else:
            continue
        break
    else:
        t()
    while t():
        if t():
            break
    else:
        return 1
    return 2


def f_return_in_finally(t):
    for i in t.items():
        try:
            t()
        finally:
            if t():
                return 1
            if t():
                break
    return 2


def f_continue_in_finally(t):
    for i in t.items():
        try:
            return t()
        finally:
            if t():
                continue
    return 2


def f_with_target(t):
    try:
        with t.manager() as (a, b):
            return 1
    except TypeError:
        t()
    with t.manager() as t.thing, \
            t.manager():
        t()
    return 2


def f_raise_in_handler(t):
    try:
        try:
            t()
        except A as e:
            raise B from e
        except B:
            raise
    except:
        return 1
    else:
        return 2


class C:
    """Documentation."""

    x: int
    y: int = 1
    try:
        z = undefined
    except NameError:
        z = 2
    for i in range(2):
        if i:
            break

    @staticmethod
    @classmethod
    def method():
        pass

    def __init__(self):
        self.x: int = 3
        self.y: int


def f_class(t):
    C()

    class Local(C, metaclass=type):
        a = t()
        with t.manager():
            b = 1

    return lambda: (yield)


def f_walrus(t):
    while (n := t.number()) > 1 and (m := t.number()):
        x = n + m
    y = [last := i for i in t.items() if (k := i)]
    if not (t() or (t() and not t())):
        return y
    return (
        t()
        if t()
        else t.number()
    )


def f_fstring(t):
    x = f"{t()} {t() if t() else t.number()} {t()!r:>{t.number()}}"
    assert x and t(), f"{t()}"
    return x


def f_one_line(t):
    if t(): return 1
    for i in t.items(): t(); t()
    while t(): pass
    with t.manager(): t()
    try: t()
    finally: t()


def f_constants(t):
    if 0:
        t()
    elif ():
        t()
    elif "":
        t()
    elif not None:
        t()
    else:
        t()
    while 0:
        t()
    else:
        t()
    if t() and 0:
        t()
    if t() or 1:
        t()
    else:
        t()
    while 1:
        if t():
            break
    assert 1
    if 1 - 1:
        t()
    while ~0 & 0:
        t()
    if -1.5:
        t()
    if __debug__:
        return t()


def f_empty(t):
    global nothing


def f_stub(t): ...


def f_loop_return(t):
    while True:
        try:
            t()
        except A:
            continue
        except B:
            break
        else:
            return 1
        finally:
            t()
    return 2


if __name__ == "nowhere":
    f_empty(1)
elif not f_stub:
    pass
