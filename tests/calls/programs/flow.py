"""The order of assignments: branches, loops, exceptions, callees that change state."""
import sys
def f(): pass
def g(): pass
def h(): pass
try:
    x = f
    int("a")
    x = g
except ValueError:
    x()
def early(c):
    y = f
    if c: 
        return y
    y = g
    return y
early(len(sys.argv) > 5)()
for i in range(3):
    if i == 1: z = f; break
else:
    z = g
z()
w = None
for i in range(3):
    if w: w()
    w = g if i else h
cur = f
nxt = g
for _ in range(3):
    cur()
    cur, nxt, last = nxt, h, cur
class K: pass
k = K()
k.cb = f
def mod(o): o.cb = g
mod(k)
k.cb()
d = {}
def fill():
    d["a"] = f
    d["b"] = g
fill()
d["a"](); d["b"]()
def swap(p): 
    global k
    k = p
swap(K()); k.cb2 = h; k.cb2()
stack = [f]
stack.append(g)
while stack: stack.pop()()
def rec(n, fn):
    fn()
    if n: rec(n - 1, g)
rec(2, f)
def ret_many(n):
    if n == 0: return f
    elif n == 1: return g
    return h
[ret_many(i)() for i in range(3)]
def raiser():
    k.late = h
    raise KeyError
try: raiser()
except KeyError: k.late()
def fin():
    try:
        return f
    finally:
        g()
fin()()
async def co(): return f
async def amain():
    (await co())()
import asyncio
asyncio.run(amain())
exec("g()")
eval("h")()
