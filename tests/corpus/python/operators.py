def handler(event, context):
    n = event["n"]
    a = -n ** -2 + ~n // 3 % 4 - n @ n << 2 >> 1 & 3 | 4 ^ 5
    b = not n and n or not not n
    c = 1 < n <= 2 != 3 == 4 is not None not in [n] in n is n
    d = n if n else n if not n else n
    e = n[1:2, ::3, ..., :], n[1:], n[:], n[n:n:n], n[*n], n[*n, 1]
    f = n.a.b[0].c(1).d
    g = (n)(n)(n), (n,), (), [], {}, {n}, {*n}, {**n}
    h = await_ if n else yield_
    a += b; a -= b; a *= b; a /= b; a //= b; a %= b; a **= b; a >>= b; a <<= b; a &= b; a ^= b; a |= b; a @= b
    return a or b and c or d and e
