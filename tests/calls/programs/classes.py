"""Inheritance, metaclasses, descriptors, hooks, decorators of classes."""
class Root:
    def __init__(self): self.setup()
    def setup(self): pass
    def ping(self): pass
class A(Root):
    def setup(self): super().setup(); self.x = self.ping
    def ping(self): super().ping()
class B(Root):
    def ping(self): super(B, self).ping()
class C(A, B):
    def ping(self): super().ping()
C().x()
A().ping()
class Meta(type):
    def __call__(cls, *a): return super().__call__(*a)
class M(metaclass=Meta):
    def __init__(self): pass
M()
class S:
    _i = None
    def __new__(cls):
        if cls._i is None: cls._i = super().__new__(cls)
        return cls._i
    def hi(self): pass
S().hi(); S().hi()
class Plug:
    reg = []
    def __init_subclass__(cls, **k): Plug.reg.append(cls)
class P1(Plug):
    def go(self): pass
class P2(Plug):
    def go(self): pass
for p in Plug.reg: p().go()
class Desc:
    def __get__(self, o, t): return hello
    def __set__(self, o, v): v()
def hello(): pass
class H:
    d = Desc()
H().d()
h = H(); h.d = hello
class Node:
    def __init__(self, nxt=None): self.next = nxt
    def visit(self):
        hello()
        if self.next: self.next.visit()
Node(Node()).visit()
class Visitor:
    def visit(self, n): return getattr(self, "visit_" + n)()
    def visit_a(self): pass
    def visit_b(self): pass
Visitor().visit("a")
class It:
    def __iter__(self): return iter([hello])
for q in It(): q()
class Outer:
    class Inner:
        def m(self): pass
    def get(self): return self.Inner()
Outer().get().m()
class Fl:
    def a(self): return self
    def b(self): return self
Fl().a().b().a()
type(Fl())().a()
Fl().__class__().b()
def deco(cls):
    cls.extra = hello
    return cls
@deco
class Z: pass
Z.extra()
class CD:
    def __init__(self, f): self.f = f
    def __call__(self, *a): return self.f(*a)
@CD
def cdf(): hello()
cdf()
def outer_deco(arg):
    def mid(f):
        def inner(*a, **k): return f(*a, **k)
        return inner
    return mid
class WithDeco:
    @outer_deco(1)
    def m(self): hello()
WithDeco().m()
