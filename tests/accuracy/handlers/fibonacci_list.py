"""All Fibonacci numbers up to n, as large integers."""


def handler(event, context):
    n = event["n"]
    numbers = [0, 1]
    for i in range(2, n):
        numbers.append(numbers[i - 1] + numbers[i - 2])
    return {"digits": numbers[-1].bit_length()}
