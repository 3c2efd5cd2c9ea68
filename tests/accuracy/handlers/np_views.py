"""Views cost nothing, copies do."""

import numpy as np


def handler(event, context):
    n = event["n"]
    cube = np.ones((n, n, 16))
    plane = cube[:, :, 0]
    turned = cube.transpose(2, 0, 1)
    flat = turned.reshape(16, -1)
    corner = cube[: n // 2, : n // 2].copy()
    picked = cube[[0, 2, 4]]
    return {"plane": float(plane.sum()), "flat": flat.shape[1], "corner": corner.size, "picked": picked.size}
