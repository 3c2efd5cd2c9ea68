def handler(event, context, n=(d := 3)):
    if (n := len(event)) > 10 and (m := n * 2) or (k := 0):
        return n, m
    while chunk := read(n):
        process(chunk, last := chunk)
    values = [y := f(x), y**2, (z := y)]
    [last := v for v in values if (w := v)]
    print(f"{(q := 1)!r:>{(r := 10)}}")
    x = (y := (z := (w := 1)))
    assert (t := n), (u := n)
    return (lambda: (v := 1))(), {(a := 1): (b := 2)}, values[(s := 0)], values[s := 0]


@(decorator := make())
class C((Base := object)):
    pass
