"""Calls that operators, statements and built-ins make."""
import functools, contextlib, operator
class V:
    def __init__(self, x): self.x = x
    def __add__(self, o): return V(self.x + o.x)
    def __radd__(self, o): return V(self.x + o)
    def __iadd__(self, o): self.x += o; return self
    def __eq__(self, o): return self.x == o.x
    def __lt__(self, o): return self.x < o.x
    def __getitem__(self, i): return hook
    def __setitem__(self, i, v): pass
    def __delitem__(self, i): pass
    def __contains__(self, i): return True
    def __len__(self): return 3
    def __bool__(self): return True
    def __call__(self, f): return f()
    def __neg__(self): return self
    def __str__(self): return "v"
    def __format__(self, s): return "v"
    def __hash__(self): return 1
    @property
    def p(self): return hook
    @p.setter
    def p(self, v): v()
    @functools.cached_property
    def cp(self): return hook
    @staticmethod
    def s(): hook()
    @classmethod
    def c(cls): return cls(1)
    def __enter__(self): return self
    def __exit__(self, *a): pass
    def __getattr__(self, n): return hook
def hook(): pass
v = V(1); w = V(2)
(v + w).s()
(1 + v).s()
v += 1
v == w
v < w
v[0]()
v[0] = 1
del v[0]
1 in v
len(v)
v(hook)
-v
str(v); f"{v}"; hash(v)
v.p()
v.p = hook
v.cp()
v.c().s()
V.s()
V.c()
v.unknown()
with v as z: z.s()
sorted([v, w])
if v: pass
