"""Reads an image file of any mode as 8-bit RGB."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from util.errors import UserError, first_line
from util.files import is_failure

# What is read, whatever a file's name says. Pillow would start other programs for some formats, such as EPS.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
Image.init()  # a list of formats is looked up among those that are loaded
Image.MAX_IMAGE_PIXELS = None  # Pillow's limit has no flag; ours is --max_megapixels
MAX_MEGAPIXELS = 178.0  # as Pillow's
_OUTSIDE = 0.01  # share of the pixels that may be outside of a range that nobody gave
_DEEP_GRAY = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}


class BadImageError(UserError):
    """A file is not a readable image, or not one that the options take."""


def read_image(
    path: str | Path,
    gray_range: tuple[float, float] | None = None,
    gray_stretch: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Image.Image:
    """Read an image of any mode as RGB.

    EXIF orientation is applied, transparent images are put on white. Gray of more than 8 bits is scaled from
    `gray_range` to 0..255 and rounded.

    Args:
        gray_range: the values of black and white. None = 0 and 65535 for 16-bit gray, 0 and 1 for floats.
        gray_stretch: take each image's own darkest and brightest value instead.
        max_megapixels: larger images are not read.
    Raises:
        BadImageError: if the file is no readable image, or has values that are no gray; it names the file.
    """
    with opened(path, max_megapixels) as file:
        file.load()
        # Pillow cannot rotate 16-bit values of every byte order: rotate after scaling.
        orientation = file.getexif().get(0x0112, 1)
        image = _scale_gray(file, gray_range, gray_stretch, path) if file.mode in _DEEP_GRAY else file.copy()
    if orientation != 1:
        image.getexif()[0x0112] = orientation
        image = ImageOps.exif_transpose(image)
    if image.mode in {"LA", "PA", "La", "RGBA", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def stored_size(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> tuple[int, int]:
    """Read width and height from the header of a file, before EXIF orientation.

    Raises:
        BadImageError: if the file is not an image, or too large; it names the file.
    """
    with opened(path, max_megapixels) as file:
        return file.size


@contextmanager
def opened(path: str | Path, max_megapixels: float) -> Iterator[Image.Image]:
    """Open a file, of which only the header is read.

    Raises:
        BadImageError: for whatever is wrong with the file; it names the file.
        UserError: if the disk or the system fails.
    """
    try:
        with Image.open(path, formats=_FORMATS) as file:
            megapixels = file.width * file.height / 1e6
            if megapixels > max_megapixels:
                raise BadImageError(
                    f"{path} has {megapixels:.4g} megapixels; --max_megapixels {math.ceil(megapixels)} reads it"
                )
            yield file
    except UserError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can make Pillow raise nearly anything
        if is_failure(error):
            raise UserError(f"{path} cannot be read ({error.strerror})") from error
        raise BadImageError(f"{path} is not a readable image ({first_line(error)})") from error


def _scale_gray(
    image: Image.Image, gray_range: tuple[float, float] | None, stretch: bool, path: str | Path
) -> Image.Image:
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise BadImageError(f"{path} has pixels that are not finite numbers")
    low, high = gray_range or ((0.0, 1.0) if image.mode == "F" else (0.0, 65535.0))
    if stretch:
        low, high = float(values.min()), float(values.max())
    elif gray_range is None and ((values < low) | (values > high)).mean() > _OUTSIDE:
        raise BadImageError(f"{path} has gray values from {values.min():g} to {values.max():g}, not {low:g} to "
                            f"{high:g}: give --gray_range LOW HIGH, or --gray_stretch")  # fmt: skip
    scaled = (values - low) / (high - low if high > low else 1.0)
    return Image.fromarray(np.rint(scaled.clip(0, 1) * 255).astype(np.uint8))
