"""Multiplies two random square matrices, without libraries."""

import json
import random


def random_matrix(rows, columns):
    return [[random.random() for _ in range(columns)] for _ in range(rows)]


def multiply(a, b):
    n, m, p = len(a), len(b), len(b[0])
    product = [[0.0] * p for _ in range(n)]
    for i in range(n):
        for j in range(p):
            total = 0.0
            for k in range(m):
                total += a[i][k] * b[k][j]
            product[i][j] = total
    return product


def lambda_handler(event, context):
    n = int(event["n"])
    a = random_matrix(n, n)
    b = random_matrix(n, n)
    c = multiply(a, b)
    trace = sum(c[i][i] for i in range(n))
    return {"statusCode": 200, "body": json.dumps({"n": n, "trace": trace})}
