"""The 0/1 knapsack problem with a two-dimensional table."""


def handler(event, context):
    count = event["items"]
    capacity = event["capacity"]
    weights = [3 + (i * 37) % 41 for i in range(count)]
    values = [10 + (i * 53) % 97 for i in range(count)]
    best = [[0 for _ in range(capacity + 1)] for _ in range(count + 1)]
    for i in range(1, count + 1):
        weight, value = weights[i - 1], values[i - 1]
        for room in range(capacity + 1):
            best[i][room] = best[i - 1][room]
            if weight <= room and best[i - 1][room - weight] + value > best[i][room]:
                best[i][room] = best[i - 1][room - weight] + value
    return {"value": best[count][capacity]}
