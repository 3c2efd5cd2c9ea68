"""Decoding, scaling and encoding of images."""

import io
import os
from contextlib import contextmanager

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = int(os.environ.get("MAX_MEGAPIXELS", "50")) * 1_000_000


class UnsupportedImage(ValueError):
    pass


class ImageTooLarge(ValueError):
    pass


class Thumbnailer:
    """Scales images down; `use_draft` lets the JPEG decoder itself decode at a fraction of the size."""

    OPAQUE = "JPEG"
    TRANSPARENT = "PNG"

    def __init__(self, quality: int = 85, use_draft: bool = False):
        self.quality = quality
        self.use_draft = use_draft

    @contextmanager
    def open(self, body: bytes, largest: int):
        try:
            image = Image.open(io.BytesIO(body))
        except UnidentifiedImageError as error:
            raise UnsupportedImage("not an image that Pillow knows") from error
        try:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageTooLarge(f"{width} x {height} pixels")
            if self.use_draft and image.format == "JPEG":
                image.draft("RGB", (largest, largest))
            upright = ImageOps.exif_transpose(image)
            yield upright
        finally:
            image.close()

    def render(self, image, side: int):
        """The encoded thumbnail, its extension and its size in pixels."""
        format_name = self.TRANSPARENT if self._has_alpha(image) else self.OPAQUE
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        if format_name == self.OPAQUE and small.mode != "RGB":
            small = small.convert("RGB")
        buffer = io.BytesIO()
        options = {"quality": self.quality, "progressive": True} if format_name == self.OPAQUE else {"optimize": True}
        small.save(buffer, format_name, **options)
        return buffer.getvalue(), format_name.lower(), small.size

    @staticmethod
    def _has_alpha(image) -> bool:
        return image.mode in ("RGBA", "LA") or (image.mode == "P" and "transparency" in image.info)
