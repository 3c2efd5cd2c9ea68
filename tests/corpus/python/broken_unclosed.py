def handler(event, context):
    return foo(event, [1, 2, {"a": (
