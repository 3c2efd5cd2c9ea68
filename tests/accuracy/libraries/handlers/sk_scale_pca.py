"""Scales samples and reduces them to three components."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler


def handler(event, context):
    X = np.random.default_rng(0).random((event["samples"], 30))
    scaled = StandardScaler().fit_transform(X)
    pca = PCA(n_components=3)
    parts = pca.fit_transform(scaled)
    return {"shape": list(parts.shape)}
