def handler(event, context):
    a = f"{event['x']!r:^{width}.{precision}}"
    b = f"{f'{f"{f'{1}'}"}'}"
    c = f"""{
        event["n"]  # a comment
        + 1
    }"""
    d = f"{{}}{{{x}}}{x=}{x = !s:>10}"
    e = rf"\d{x:\d}" fr'{y}' Rb'\x00' if False else f''
    f = f"{lambda x: 1}" if False else f"{(lambda x: 1)(2)}"
    g = f"{x:{'{'}>10}" f"{x:%Y-%m-%d}" f"{*a, *b}" f"{yield_}"
    h = f'{a["b"]}' f"{'\n'.join(x)}"
    return f"{'a' if x else 'b'}{[i for i in range(3)]}{ {1: 2}[1] }{x!a}"
