"""Multiplies two random matrices with numpy."""

import json
import time

import numpy as np


def lambda_handler(event, context):
    n = int(event["n"])
    a = np.random.rand(n, n)
    b = np.random.rand(n, n)
    start = time.time()
    c = np.matmul(a, b)
    return {"statusCode": 200, "body": json.dumps({"seconds": time.time() - start, "trace": float(np.trace(c))})}
