"""Blur, sharpen and contrast."""

from PIL import Image, ImageEnhance, ImageFilter


def handler(event, context):
    image = Image.new("RGB", (event["width"], event["height"]), "steelblue")
    blurred = image.filter(ImageFilter.GaussianBlur(3))
    sharp = blurred.filter(ImageFilter.SHARPEN)
    final = ImageEnhance.Contrast(sharp).enhance(1.3)
    return {"pixel": final.getpixel((0, 0))}
