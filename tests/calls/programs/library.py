"""Calls by way of the standard library, and every kind of loop and argument."""
import functools, threading, itertools, collections, concurrent.futures, contextlib, importlib, dataclasses, enum, abc, typing
def f(*a, **k): return g
def g(*a, **k): pass
functools.partial(f, 1)(2)()
p = functools.partial(g, x=1); p()
t = threading.Thread(target=f, args=(1,)); t.start(); t.join()
with concurrent.futures.ThreadPoolExecutor() as ex:
    ex.submit(g, 1).result()
    list(ex.map(g, [1, 2]))
functools.reduce(lambda a, b: g(), [1, 2, 3])
sorted([1, 2], key=lambda x: g() or x)
max([1], key=f)
list(map(f, [1]))[0]()
list(filter(g, [1]))
@contextlib.contextmanager
def cm():
    g()
    yield f
with cm() as fn: fn()
@functools.lru_cache(maxsize=None)
def cached(): return g
cached()()
@functools.wraps(f)
def wrapped(): pass
wrapped()
@dataclasses.dataclass
class D:
    fn: typing.Callable
    other: typing.Callable = g
    def go(self): self.fn(); self.other()
D(f).go()
class P(typing.NamedTuple):
    fn: typing.Callable
P(g).fn()
class E(enum.Enum):
    A = 1
    def m(self): g()
E.A.m()
for e in E: e.m()
class Base(abc.ABC):
    @abc.abstractmethod
    def run(self): ...
    def go(self): self.run()
class X(Base):
    def run(self): g()
class Y(Base):
    def run(self): f()
for c in (X, Y): c().go()
dd = collections.defaultdict(list)
dd["a"].append(g)
for fs in dd.values():
    for fn in fs: fn()
class Th(threading.Thread):
    def run(self): g()
Th().start()
getattr(X(), "run")()
globals()["g"]()
od = collections.OrderedDict(); od["q"] = f; od["q"]()
for a, b in zip([f], [g]): a(); b()
for i, h in enumerate([f]): h()
[x() for x in (f, g)]
{k: v() for k, v in {"a": g}.items()}
next(iter([f]))()
x = f if g() else g
x()
(lambda q=g: q())()
def gen():
    yield f
    yield from [g]
for y in gen(): y()
a, *rest = [f, g, g]
rest[0]()
def kw(**kwargs): kwargs["h"]()
kw(h=g)
kw(**{"h": f})
def va(*args): args[0]()
va(g); va(*[f])
try:
    raise ValueError
except ValueError as exc:
    f()
finally:
    g()
match {"op": g}:
    case {"op": op}: op()
while (w := f()) and g(): pass
def dflt(a, b=f): return b
dflt(1)()
import os.path as osp
osp.join("a")
