class A: pass
class B(): x = 1; y = x
class C(A, B, metaclass=type, key=lambda: 1, *bases, **kw):
    """Doc."""
    __slots__ = ("a", "b")
    a: int = 1
    class D:
        class E:
            def f(self):
                class G(self.__class__):
                    def h(self): return super().h(), super(G, self).h, __class__
                return G().h()
    def __init__(self, /, x, *, y): self.x, self.y = x, y
    def __enter__(self): return self
    def __exit__(self, *a): return True
    def __call__(self, event, context): return self.x
    for i in range(3):
        exec("x = i")
    if a:
        def conditional(self): return 1
    else:
        conditional = lambda self: 2
    try:
        import json
    except ImportError:
        json = None
    del i
handler = C(1, y=2)
