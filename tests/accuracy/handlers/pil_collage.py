"""Pastes many small images onto a large one."""

from PIL import Image


def handler(event, context):
    columns = event["columns"]
    rows = event["rows"]
    size = event.get("tile", 128)
    tiles = [Image.new("RGB", (size, size), (i * 5 % 256, 80, 120)) for i in range(columns * rows)]
    sheet = Image.new("RGB", (columns * size, rows * size))
    for i, tile in enumerate(tiles):
        sheet.paste(tile, ((i % columns) * size, (i // columns) * size))
    small = sheet.reduce(2)
    return {"size": sheet.size, "small": small.size}
