"""Similarities of all pairs of samples."""

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity


def handler(event, context):
    X = np.random.default_rng(0).random((event["samples"] // 4, 16))
    near = cosine_similarity(X, X)
    return {"mean": float(near.mean())}
