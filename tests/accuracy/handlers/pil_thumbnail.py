"""Makes a thumbnail of the image in the body."""

import base64
from io import BytesIO

from PIL import Image

MAX_SIZE = (256, 256)


def lambda_handler(event, context):
    data = base64.b64decode(event["body"])
    with Image.open(BytesIO(data)) as image:
        image = image.convert("RGB")
        image.thumbnail(MAX_SIZE)
        output = BytesIO()
        image.save(output, "JPEG", quality=85)
    return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(output.getvalue()).decode()}
