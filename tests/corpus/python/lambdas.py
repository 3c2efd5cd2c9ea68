f = lambda: 0
g = lambda x, /, y=1, *args, z, w=2, **kwargs: (x, y, args, z, w, kwargs)
h = lambda *, k: lambda *a: lambda **b: (yield)
i = lambda: (lambda: (lambda: i)())()
handler = lambda event, context: sorted(event["items"], key=lambda item: (item["a"], -item["b"]))
table = {"a": lambda: f(), **{"b": (lambda x=f(): x)}}
table["a"]()
(lambda: [])()[0]
