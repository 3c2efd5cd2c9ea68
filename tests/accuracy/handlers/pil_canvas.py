"""Draws a picture and answers with a PNG in base64."""

import base64
import io

from PIL import Image, ImageDraw


def handler(event, context):
    width = event["width"]
    height = event.get("height", width)
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    for offset in range(0, min(width, height) // 2, 20):
        draw.rectangle((offset, offset, width - offset, height - offset), outline=(0, 0, offset % 256))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(buffer.getvalue()).decode("ascii")}
