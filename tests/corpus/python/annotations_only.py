x: int
y: list[int] | None
z: "forward.reference[" = 1
def f(a: (yield_ := 1), *b: [i for i in c], **d: lambda: 1) -> (print("x")): ...
class C:
    a: "int"
    b: ...
    self.c: int = 1
    d[0]: int = 2
    (e): int
