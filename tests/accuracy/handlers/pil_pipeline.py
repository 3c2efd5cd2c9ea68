"""Resize, rotate, convert: each step a new image."""

from PIL import Image


def handler(event, context):
    side = event["side"]
    image = Image.new("RGBA", (side, side), (10, 20, 30, 255))
    half = image.resize((side // 2, side // 2))
    turned = image.rotate(90)
    grey = turned.convert("L")
    cropped = grey.crop((0, 0, side // 2, side // 2))
    return {"half": half.size, "grey": grey.size, "cropped": cropped.size}
