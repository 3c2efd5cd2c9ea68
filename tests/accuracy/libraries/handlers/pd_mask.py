"""Filters a table by a condition and sums what is left by group."""

import numpy as np
import pandas as pd


def handler(event, context):
    n = event["rows"]
    rng = np.random.default_rng(11)
    df = pd.DataFrame({"shop": rng.integers(0, 50, n), "amount": rng.random(n) * 100, "discount": rng.random(n)})
    large = df[df["amount"] > 50]
    sums = large.groupby("shop")["amount"].sum()
    return {str(key): float(value) for key, value in sums.items()}
