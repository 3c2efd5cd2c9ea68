"""Lists, dicts and sets by comprehension."""


def handler(event, context):
    n = event["n"]
    squares = [i * i for i in range(n)]
    index = {value: position for position, value in enumerate(squares)}
    odd = {value for value in squares if value % 2}
    pairs = [(value, index[value]) for value in squares if value in odd]
    return {"squares": len(squares), "pairs": len(pairs)}
