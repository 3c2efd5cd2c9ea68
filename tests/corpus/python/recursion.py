def even(n): return n == 0 or odd(n - 1)
def odd(n): return n != 0 and even(n - 1)
def ackermann(m, n):
    if not m: return n + 1
    return ackermann(m - 1, ackermann(m, n - 1) if n else 1)
def self_argument(f): return f(f)
def y(f): return (lambda x: f(lambda v: x(x)(v)))(lambda x: f(lambda v: x(x)(v)))
handler = lambda event, context: (even(event), ackermann(2, 3), self_argument(self_argument), y(y))
a = b
b = a
def rebinding(): global rebinding; rebinding = rebinding(); return rebinding
