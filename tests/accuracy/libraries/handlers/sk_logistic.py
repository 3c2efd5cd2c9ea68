"""Trains a classifier in a pipeline's steps."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import MinMaxScaler


def handler(event, context):
    rng = np.random.default_rng(0)
    X = rng.random((event["samples"], 15))
    y = (X[:, 0] + X[:, 1] > 1).astype(int)
    scaler = MinMaxScaler()
    scaler.fit(X)
    Z = scaler.transform(X)
    model = LogisticRegression(max_iter=100)
    model.fit(Z, y)
    return {"accuracy": float(accuracy_score(y, model.predict(Z)))}
