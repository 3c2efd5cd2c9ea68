"""How the contracts of Pillow are tried. Sizes are numbers of pixels; images are about 4:3."""

import io

from check import call, kind, workload
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

kind(lambda x: isinstance(x, Image.Image), "PIL.Image.Image", width=lambda i: i.width, height=lambda i: i.height,
     mode=lambda i: i.mode,
     pending=lambda i: 0 if type(i) is Image.Image or getattr(i, "_loaded_for_check", False) else 4 * i.width * i.height,
     decoding=lambda i: 0 if type(i) is Image.Image else 140000)
for name in ("GaussianBlur", "BoxBlur", "UnsharpMask", "MedianFilter"):
    kind(lambda x, c=getattr(ImageFilter, name): isinstance(x, c), f"PIL.ImageFilter.{name}")
kind(lambda x: isinstance(x, (ImageEnhance.Contrast, ImageEnhance.Color)), "PIL.ImageEnhance.Enhancer",
     width=lambda e: e.image.width, height=lambda e: e.image.height)

shape = lambda n: (max(int((n * 4 / 3) ** 0.5), 8), max(int((n * 3 / 4) ** 0.5), 8))
SIZES = (1_700_000, 4_900_000)


def image(n, mode="RGB"):
    return Image.new(mode, shape(n), 90 if mode == "L" else (10, 200, 30, 255)[: len(mode)])


def simple(name, make, label="_", **options):
    make.__name__ = label
    options.setdefault("traced", False)
    options.setdefault("sizes", SIZES)
    workload(name, **options)(make)


def opened(n, form):
    buffer = io.BytesIO()
    image(n).save(buffer, form)
    return Image.open(io.BytesIO(buffer.getvalue()))


for mode in ("RGB", "L", "RGBA"):
    simple("PIL.Image.new", lambda n, m=mode: call(Image.new, m, shape(n)), mode)
simple("PIL.Image.Image.load", lambda n: call(opened(n, "PNG").load))
simple("PIL.Image.Image.load", lambda n: call(opened(n, "JPEG").load), "jpeg")
simple("PIL.Image.Image.thumbnail", lambda n: call(opened(n, "PNG").thumbnail, (128, 128)), tolerance=10)
for mode in ("L", "RGBA", "RGB", "1"):
    simple("PIL.Image.Image.convert", lambda n, m=mode: call(image(n).convert, m), mode)
simple("PIL.Image.Image.copy", lambda n: call(image(n).copy))
for label, factor in (("third", 1 / 3), ("larger", 1.5)):
    for mode in ("RGB", "L", "RGBA"):
        simple("PIL.Image.Image.resize", lambda n, m=mode, f=factor: call(
            image(n, m).resize, (int(shape(n)[0] * f), int(shape(n)[1] * f))), f"{label} {mode}", tolerance=10)
simple("PIL.Image.Image.resize", lambda n: call(image(n).resize, (900, 700), 0), "nearest")
simple("PIL.Image.Image.crop", lambda n: call(image(n).crop, (10, 10, shape(n)[0] - 9, shape(n)[1] - 30)), warm=False)
for angle in (33, 90):
    simple("PIL.Image.Image.rotate", lambda n, a=angle: call(image(n).rotate, a), str(angle))
simple("PIL.Image.Image.rotate", lambda n: call(image(n).rotate, 90, expand=True), "90 expand")
simple("PIL.Image.Image.transpose", lambda n: call(image(n).transpose, 2))
for name in ("GaussianBlur", "BoxBlur", "MedianFilter"):
    simple("PIL.Image.Image.filter", lambda n, c=getattr(ImageFilter, name): call(image(n).filter, c(3)), name)
simple("PIL.Image.Image.filter", lambda n: call(image(n).filter, ImageFilter.UnsharpMask()), "UnsharpMask")
simple("PIL.Image.Image.filter", lambda n: call(image(n).filter, ImageFilter.SHARPEN), "SHARPEN")
simple("PIL.Image.Image.tobytes", lambda n: call(image(n).tobytes), traced=True)
simple("PIL.Image.Image.split", lambda n: call(image(n).split))
simple("PIL.Image.Image.point", lambda n: call(image(n).point, lambda x: x // 2))
simple("PIL.Image.Image.getchannel", lambda n: call(image(n).getchannel, 1))
simple("PIL.Image.Image.save", lambda n: call(image(n).save, "/dev/null", format="PNG"))
simple("PIL.Image.merge", lambda n: call(Image.merge, "RGB", [image(n, "L")] * 3))
simple("PIL.Image.blend", lambda n: call(Image.blend, image(n), image(n), 0.5))
simple("PIL.Image.alpha_composite", lambda n: call(Image.alpha_composite, image(n, "RGBA"), image(n, "RGBA")))
simple("PIL.Image.frombytes", lambda n: call(Image.frombytes, "RGB", shape(n), bytes(3 * shape(n)[0] * shape(n)[1])))
for name in ("grayscale", "invert", "autocontrast", "equalize", "flip", "mirror", "exif_transpose"):
    simple(f"PIL.ImageOps.{name}", lambda n, f=getattr(ImageOps, name): call(f, image(n)))
simple("PIL.ImageOps.contain", lambda n: call(ImageOps.contain, image(n), (700, 700)), tolerance=10)
simple("PIL.ImageOps.fit", lambda n: call(ImageOps.fit, image(n), (700, 700)), tolerance=30)
simple("PIL.ImageOps.pad", lambda n: call(ImageOps.pad, image(n), (1500, 1500)), tolerance=20, sizes=(1_100_000, 3_300_000))
simple("PIL.ImageOps.expand", lambda n: call(ImageOps.expand, image(n), 20))
simple("PIL.ImageEnhance.Contrast", lambda n: call(ImageEnhance.Contrast, image(n)), sizes=(1_100_000, 3_300_000))
simple("PIL.ImageEnhance.Enhancer.enhance", lambda n: call(ImageEnhance.Contrast(image(n)).enhance, 1.4))
simple("PIL.ImageChops.difference", lambda n: call(ImageChops.difference, image(n), image(n)))
simple("PIL.ImageDraw.Draw", lambda n: call(ImageDraw.Draw, image(n)))
