"""Fits a line to random samples, and says how good it is on held-out ones."""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split


def handler(event, context):
    rng = np.random.default_rng(0)
    X = rng.random((event["samples"], 20))
    y = X[:, 0] * 3 + rng.random(event["samples"])
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=1)
    model = LinearRegression()
    model.fit(X_train, y_train)
    return {"error": float(mean_squared_error(y_test, model.predict(X_test)))}
