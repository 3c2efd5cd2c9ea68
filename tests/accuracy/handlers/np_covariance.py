"""Covariance, eigenvalues and a projection."""

import numpy as np


def handler(event, context):
    rows = event["rows"]
    columns = event.get("columns", 50)
    data = np.random.default_rng(2).normal(size=(rows, columns))
    centred = data - data.mean(axis=0)
    covariance = centred.T @ centred / (rows - 1)
    values, vectors = np.linalg.eigh(covariance)
    projected = centred @ vectors[:, -2:]
    return {"explained": float(values[-2:].sum() / values.sum()), "projected": projected.shape[0]}
