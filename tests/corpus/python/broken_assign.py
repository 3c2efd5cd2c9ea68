def handler(event, context):
    f() = 1
    1 + 1 = 2
    None = 3
    x + 1: int = 4
    (a, b) += 1
