"""Estimates pi by random points."""

import json

import numpy as np


def lambda_handler(event, context):
    body = json.loads(event["body"])
    samples = body["samples"]
    x = np.random.uniform(-1, 1, samples)
    y = np.random.uniform(-1, 1, samples)
    inside = (x**2 + y**2) <= 1.0
    pi = 4.0 * np.count_nonzero(inside) / samples
    return {"statusCode": 200, "body": json.dumps({"pi": pi})}
