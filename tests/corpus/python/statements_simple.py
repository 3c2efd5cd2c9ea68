import os, sys as system
from typing import Any, Dict as D
from os import (path, sep,)
x: int
y: "str" = "a"
(z): int = 3
a = b = c = 1
a, *b, c = 1, 2, 3, 4
[d, (e, *f)] = [1, (2, 3)]
a += 1; b = 2; c -= 1
a @= b if False else a
del a, (b, [c])
del d
pass
...
assert x, "message"
assert (x, "always true")
global g
print("a" "b" f"{x}" 'c')
raise ValueError from None


def handler(event, context):
    nonlocal_value = 1

    def inner():
        nonlocal nonlocal_value
        nonlocal_value += 1
        return

    return inner()
