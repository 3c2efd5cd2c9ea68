"""imageio: pictures by pixels through Pillow, videos by frames through the ffmpeg that comes with imageio-ffmpeg (a child process)."""

import os
import tempfile

import imageio.v2
import imageio.v3 as iio
import numpy as np
from meminterface_workloads import call, choice, sizes, workload

FOLDER = tempfile.mkdtemp(prefix="imageio-")
PIXELS = sizes(10_000, 6_000_000, edges=())
SMALL, FRAMES = sizes(4_000, 300_000, edges=()), sizes(4, 60, edges=())
SHAPE = {"width": "pixels of a row", "height": "rows of the picture"}
FORM = choice(".png", ".jpg")


def picture(rng, pixels):
    """A smooth picture with some noise: compresses as photographs do."""
    height = max(int((pixels * 3 / 4) ** 0.5) // 2 * 2, 16)
    width = max(pixels // height // 2 * 2, 16)
    random = np.random.default_rng(rng.getrandbits(32))
    ramp = np.linspace(0, 200, width, dtype=np.uint8)[None, :, None] + np.zeros((height, 1, 3), dtype=np.uint8)
    return ramp + random.integers(0, 30, (height, width, 3), dtype=np.uint8)


def path(rng, form):
    return os.path.join(FOLDER, f"{rng.getrandbits(60):x}{form}")


def written(rng, form, array, **options):
    name = path(rng, form)
    iio.imwrite(name, array, **options)
    return name


@workload("imageio.v3.imread", library="imageio", pixels=PIXELS, form=FORM, externals=SHAPE, parameters=["uri", "**kwargs"])
def _(rng, pixels, form):
    array = picture(rng, pixels)
    return call(iio.imread, written(rng, form, array)).given(width=array.shape[1], height=array.shape[0])


@workload("imageio.v3.imwrite", library="imageio", pixels=PIXELS, form=FORM, parameters=["uri", "image", "**kwargs"])
def _(rng, pixels, form):
    return call(iio.imwrite, path(rng, form), picture(rng, pixels))


def video(rng, pixels, frames):
    return [picture(rng, pixels) for _ in range(frames)]


def seen(made, frames):
    """A video's sizes, which no argument says."""
    height, width, _ = frames[0].shape
    return made.given(width=width, height=height, frames=len(frames))


VIDEO = {**SHAPE, "frames": "frames of the video"}


@workload("imageio.v2.mimread", library="imageio", pixels=SMALL, frames=FRAMES, limit=60, externals=VIDEO,
          parameters=["uri", "format=None", "memtest='256MB'", "**kwargs"])
def _(rng, pixels, frames):
    made = video(rng, pixels, frames)
    name = written(rng, ".mp4", made, fps=10, plugin="FFMPEG")
    return seen(call(imageio.v2.mimread, name, memtest=False), made)


@workload("imageio.v2.mimwrite", library="imageio", pixels=SMALL, frames=FRAMES, limit=60, externals=VIDEO,
          parameters=["uri", "ims", "format=None", "**kwargs"])
def _(rng, pixels, frames):
    made = video(rng, pixels, frames)
    return seen(call(imageio.v2.mimwrite, path(rng, ".mp4"), made, fps=10), made)
