"""Normalises a batch of features in single precision."""

import numpy as np


def handler(event, context):
    rows = event["rows"]
    features = event.get("features", 64)
    batch = np.random.default_rng(1).random((rows, features), dtype=np.float32)
    mean = batch.mean(axis=0)
    deviation = batch.std(axis=0)
    scaled = (batch - mean) / (deviation + np.float32(1e-6))
    return {"mean": float(scaled.mean()), "bytes": scaled.nbytes}
