def handler(event, context):
    width = event["image"]["width"]
    n = int(event.get("n", 10))
    k = len(event["Records"])
    name = event["name"].strip().lower().split("/")[-1].rsplit(".", 1)[0]
    m = n * width // 3 % -7 ** 2 if n > 3 else -n
    t = float(event.get("ratio", "0.5")) or 1e309
    s = event["text"][::-1][1:-1] * n + "é" % ()
    b = bool(event) and not event.get("x") or event["y"] in ("a", "b")
    q = min(n, k, 100), max([n, k]), abs(-n), round(t, 2), sum(event["list"]), divmod(n, 0)
    if (x := event.get("a", {}).get("b", [0])[0]) > 5 and n <= k < 10**30:
        return bytes(x * n)
    for i in range(n):
        for j in range(i, n, 2):
            alloc(i * j)
    return [0] * n, {name: s}, "x" * int(event["missing"]["deep"]), int("abc"), int(" 1_000 "), n / 0
