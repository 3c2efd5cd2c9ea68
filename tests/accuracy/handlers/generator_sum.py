"""A pipeline of generators: constant memory whatever the count."""


def numbers(count):
    for i in range(count):
        yield i * 2


def squares(values):
    for value in values:
        yield value * value


def handler(event, context):
    return {"total": sum(value for value in squares(numbers(event["count"])) if value % 3 == 0)}
