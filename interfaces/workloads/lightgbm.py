"""LightGBM: the interface of scikit-learn by samples and features, one thread."""

import lightgbm
import numpy as np
from meminterface_workloads import call, kind, sizes, workload

ROWS, WIDTH = sizes(2000, 60_000, edges=()), sizes(4, 50, edges=())


def data(rng, n, m):
    return np.random.default_rng(rng.getrandbits(32)).random((n, m))


def target(X, classes):
    """What the first input decides in most cases."""
    noise = np.random.default_rng(X.shape[0]).random(X.shape[0])
    return ((X[:, 0] > 0.5) ^ (noise < 0.15)).astype(int) if classes else X[:, 0] * 3 + noise


for name, classes in (("LGBMClassifier", True), ("LGBMRegressor", False)):
    cls = getattr(lightgbm, name)
    kind(cls, f"lightgbm.{name}", n_estimators=lambda made: made.n_estimators)

    def model(cls=cls):
        return cls(n_estimators=20, n_jobs=1, verbose=-1)

    @workload(f"lightgbm.{name}.fit", n=ROWS, m=WIDTH, fork=False)
    def _(rng, n, m, model=model, classes=classes):
        X = data(rng, n, m)
        return call(model().fit, X, target(X, classes))

    @workload(f"lightgbm.{name}.predict", n=ROWS, m=WIDTH, fork=False)
    def _(rng, n, m, model=model, classes=classes):
        X = data(rng, 1000, m)
        return call(model().fit(X, target(X, classes)).predict, data(rng, n, m))


kind(lightgbm.Dataset, "lightgbm.Dataset")


@workload("lightgbm.Dataset.construct", n=ROWS, m=WIDTH, fork=False)
def _(rng, n, m):
    X = data(rng, n, m)
    return call(lightgbm.Dataset(X, target(X, False), params={"verbose": -1, "num_threads": 1}).construct).described(self__rows=n, self__columns=m)
