"""From an image to an array and back."""

import numpy as np
from PIL import Image


def handler(event, context):
    side = event["side"]
    image = Image.new("RGB", (side, side), (200, 100, 50))
    pixels = np.asarray(image, dtype=np.float32)
    grey = pixels.mean(axis=2)
    result = Image.fromarray(grey.astype(np.uint8))
    return {"size": result.size, "mode": result.mode}
