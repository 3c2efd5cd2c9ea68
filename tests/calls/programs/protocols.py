"""What statements, operators and built-ins call without a call being written: attributes, containers, classes."""
import asyncio


def note(): pass


class Attributes:
    def __init__(self): self.x = 1
    def __setattr__(self, key, value): object.__setattr__(self, key, value)
    def __delattr__(self, key): note()
    def __getattribute__(self, key): return object.__getattribute__(self, key)


class Descriptor:
    def __set_name__(self, owner, name): note()
    def __get__(self, instance, owner): return 3
    def __set__(self, instance, value): note()
    def __delete__(self, instance): note()


class Numbers:
    n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += 1
        if self.n > 2:
            raise StopIteration
        return self.n


class Box:
    item = Descriptor()
    def __init_subclass__(cls, **rest): note()
    def __class_getitem__(cls, key): return cls
    def __contains__(self, x): return True
    def __delitem__(self, x): note()
    def __setitem__(self, key, value): note()
    def __bool__(self): return True
    def __eq__(self, other): return True
    def __matmul__(self, other): return self
    def __reversed__(self): return iter([1])
    def __iter__(self): return Numbers()
    def __divmod__(self, other): return 1
    def __invert__(self): return 1
    @property
    def side(self): return 1
    @side.deleter
    def side(self): note()


class Small(Box): pass


class Stream:
    n = 0
    def __aiter__(self): return self
    async def __anext__(self):
        self.n += 1
        if self.n > 1:
            raise StopAsyncIteration
        return 1
    async def __aenter__(self): return self
    async def __aexit__(self, *rest): note()
    def __await__(self):
        note()
        return iter(())


class Meta(type):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    def __call__(cls): return type.__call__(cls)
    def __iter__(cls): return Numbers()
    def __len__(cls): return 1
    def __getitem__(cls, key): return 1
    def __contains__(cls, key): return True


class Colours(metaclass=Meta): pass


def attributes():
    a = Attributes()
    a.y = 2
    del a.y
    delattr(a, "z")
    setattr(a, "z", 1)
    return a.x, getattr(a, "x")


def descriptors():
    b = Small()
    b.item
    b.item = 1
    del b.item
    del b.side


def subscripts():
    b = Box()
    Box[int]
    del b[1]
    b[1] = 2
    return 1 in b


def truth():
    b = Box()
    while b:
        break
    assert b
    return b and 1, 1 if b else 2, not b


def operators():
    b = Box()
    b @= b
    return b == 1, b @ b, divmod(b, 1), ~b


def take(*rest): pass


def iterated():
    b = Box()
    x, y = b
    take(*b)
    z = [*b]
    z += b
    return list(reversed(b)), sum(b), sorted(b), {i for i in b}


def delegated(): yield from Box()


async def streams():
    async with Stream() as s:
        async for i in s:
            pass
    [i async for i in Stream()]
    await s


def classes():
    isinstance(1, Colours)
    issubclass(int, Colours)
    Colours()
    for colour in Colours:
        pass
    return len(Colours), Colours["red"], "red" in Colours


attributes()
descriptors()
subscripts()
truth()
operators()
iterated()
list(delegated())
asyncio.run(streams())
classes()
