"""Goes from lists to an array and back."""

import numpy as np


def handler(event, context):
    values = event.get("values") or [float(i) for i in range(event["n"])]
    array = np.array(values)
    result = (array - array.min()) / (array.max() - array.min())
    return {"values": result.tolist()}
