"""Reads and writes image files of any size with libvips, which holds a strip of them at a time in memory."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

os.environ.setdefault("VIPS_WARNING", "0")  # libvips' own warnings on stderr: what matters is raised as an error
import pyvips
from PIL import ImageCms, TiffImagePlugin

from util.errors import UserError
from util.files import replacing

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as models.color_losses has it, which needs torch
# Suffix -> format that can be written.
FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}
READABLE = {*FORMATS, ".gif", ".avif"}  # what is taken from a folder; a file that is named is always tried
HOLDS_FRAMES = {"webp", "tiff"}
HOLDS_16_BITS = {"png", "tiff"}
HOLDS_ALPHA = {"png", "webp", "tiff"}
MAX_SIDE = {"webp": 16_383}
READ_MAX_SIDE = 20_000
_SUBFILE_TYPE = 254  # a tag of TIFF
_OUTSIDE = 0.01  # share of the pixels that may be outside of a range that nobody gave; as in data/image_reader.py
# Value of white in pixels that are neither of 8 nor of 16 bits, as data/image_reader.py has it.
_WIDE_WHITE = {"short": 65535, "uint": 65535, "int": 65535, "float": 1, "double": 1}
pyvips.cache_set_max(0)  # a file may change between two reads

Source = Path | bytes  # a file, or its content


@dataclass(frozen=True)
class Frame:
    """One image of a file, upright. libvips reads its pixels when they are needed; without other frames, only once.

    Attributes:
        color: sRGB or gray: 3 bands or 1, in 0..white.
        alpha: opacity in 0..white, one band; None if the file has none.
        white: 255, or 65535 for 16 bits.
        duration: of a frame of an animation, in milliseconds; 0 for any other image.
    """

    color: pyvips.Image
    alpha: pyvips.Image | None
    white: int
    duration: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.color.width, self.color.height

    def luma(self) -> pyvips.Image:
        """Return the Rec. 601 luma in 0..1, one band of floats."""
        gray = self.color if self.color.bands == 1 else self.color.recomb([list(LUMA)])
        return gray.cast("float") / self.white


def open_frames(
    source: Source, gray_range: tuple[float, float] | None = None, gray_stretch: bool = False
) -> list[Frame]:
    """Open a file: its one image, or all frames or pages.

    Colors are converted to sRGB if the file has another profile. Gray of more than 16 bits becomes 16 bits.

    Args:
        gray_range: values of black and white in gray of more than 8 bits. None = 0 and 65535, or 0 and 1 for floats.
        gray_stretch: take each such frame's own darkest and brightest value instead.
    Raises:
        UserError: if it is not an image, or none in gray, RGB or CMYK.
    """
    with vips_errors(source):
        image, count, is_measured = _open(source, gray_range is not None or gray_stretch)
        if image.get_typeof("jpeg-thumbnail-data"):
            image = image.copy()
            image.remove("jpeg-thumbnail-data")  # it would stay gray
        alpha = image[image.bands - 1] if image.hasalpha() else None
        color = image[0 : image.bands - 1] if alpha else image
        color = color if is_measured else _to_srgb(color, source)
        delays = image.get("delay") if image.get_typeof("delay") else [0]
        white, height, frames = 255 if image.format == "uchar" else 65535, image.height // count, []
        for index in range(count):
            part, opacity = (whole and whole.crop(0, index * height, whole.width, height) for whole in (color, alpha))
            part = _scaled(part, gray_range, gray_stretch, source) if is_measured else part
            frames.append(Frame(part, opacity, white, delays[min(index, len(delays) - 1)]))
        return frames


def pixel_count(source: Source) -> int:
    """Return the number of pixels of a file, in all frames or pages. Reads its header only.

    Raises:
        UserError: if it is not an image.
    """
    with vips_errors(source):
        image = _load(source)
        return image.width * image.height * _frame_count(image, source)


def write(frames: Sequence[pyvips.Image], durations: Sequence[int], target: Path, format: str, quality: int) -> None:
    """Write images of one size as the frames of a file: the whole file or, after an error, none.

    Args:
        frames: sRGB with or without alpha, in 8 or 16 bits. Metadata are those of the first.
        durations: of each frame, in milliseconds; all 0 for what is not an animation.
        format: a value of FORMATS. What it cannot hold is put on white (alpha) or rounded (16 bits).
        quality: 1 to 100, of JPEG and WebP.
    Raises:
        UserError: if the format cannot hold the image, or it cannot be written.
    """
    with vips_errors(target, "cannot be written"):
        image = _as_one(frames, durations, target, format)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            descriptor = pyvips.Target.new_to_descriptor(file.fileno())
            getattr(image, f"{format}save_target")(descriptor, **_save_options(format, quality))


def encode(frames: Sequence[pyvips.Image], durations: Sequence[int], format: str, quality: int) -> bytes:
    """Return what `write` would write."""
    with vips_errors(b"", "cannot be written"):
        image = _as_one(frames, durations, Path("standard output"), format)
        return getattr(image, f"{format}save_buffer")(**_save_options(format, quality))


def name_of(source: Source) -> str:
    """Return what a message calls a source."""
    return str(source) if isinstance(source, Path) else "the image from standard input"


@contextmanager
def vips_errors(source: Source, problem: str = "is not a readable image") -> Iterator[None]:
    """Turn an error of libvips or of the system into a UserError that names the file."""
    try:
        yield
    except pyvips.Error as error:
        lines = [line.strip() for line in str(error.detail or error).splitlines() if line.strip()]
        raise UserError(f"{name_of(source)} {problem} ({lines[-1] if lines else 'unknown error'})") from None
    except OSError as error:
        raise UserError(f"{name_of(source)} {problem} ({error.strerror})") from None


def _open(source: Source, scales_gray: bool) -> tuple[pyvips.Image, int, bool]:
    """Open a file. Return its image, upright; the number of frames, which lie one below the other; and whether its
    pixels are measured values, which are scaled to gray, and of which no profile speaks.

    Args:
        scales_gray: take 16-bit gray for measured values too.
    """
    image = _load(source)
    count = _frame_count(image, source)
    is_turned = count == 1 and image.get_typeof("orientation") and image.get("orientation") != 1
    alpha = image.hasalpha()
    is_gray = image.bands - alpha == 1
    is_measured = is_gray and (
        (image.format == "ushort" and scales_gray) or (image.format in _WIDE_WHITE and not alpha)
    )
    if image.format not in ("uchar", "ushort") and not is_measured:
        raise UserError(f"{name_of(source)} has pixels of type {image.format}; save it with 8 or 16 bits")
    if max(image.width, image.height) > READ_MAX_SIDE:
        raise UserError(
            f"{name_of(source)} has {image.width}x{image.height} pixels; the limit is {READ_MAX_SIDE} a side"
        )
    if count > 1 or is_turned or is_measured:  # not read from top to bottom, or more than once
        image = _load(source, "random", **({"n": -1} if count > 1 else {}))
    return image.autorot() if is_turned else image, count, is_measured


def _frame_count(image: pyvips.Image, source: Source) -> int:
    """Return the number of frames or pages. The smaller copies of an image in a pyramid, as viewers need, are none."""
    count = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if count == 1 or not image.get("vips-loader").startswith("tiff"):
        return count
    # Not by Image.open: it refuses large images, and here no pixels are read.
    with TiffImagePlugin.TiffImageFile(source if isinstance(source, Path) else BytesIO(source)) as file:
        for page in range(1, count):
            file.seek(page)
            if not file.tag_v2.get(_SUBFILE_TYPE, 0) & 1:  # its bit 0: a reduced copy
                return count
    return 1


def _load(source: Source, access: str = "sequential", **options: int) -> pyvips.Image:
    if isinstance(source, bytes):
        return pyvips.Image.new_from_buffer(source, "", access=access, fail_on="error", **options)
    with open(source, "rb") as file:  # libvips would read options from some names, and cannot open others
        stream = pyvips.Source.new_from_descriptor(file.fileno())
    return pyvips.Image.new_from_source(stream, "", access=access, fail_on="error", **options)


def _scaled(
    image: pyvips.Image, gray_range: tuple[float, float] | None, gray_stretch: bool, source: Source
) -> pyvips.Image:
    """Return measured values as 16-bit gray; see `open_frames`."""
    if (image.abs() <= sys.float_info.max).min() == 0:  # libvips makes 0 of false
        raise UserError(f"{name_of(source)} has pixels that are not finite numbers")
    low, high = (image.min(), image.max()) if gray_stretch else gray_range or (0, _WIDE_WHITE.get(image.format, 65535))
    if not (gray_stretch or gray_range) and ((image < low) | (image > high)).avg() / 255 > _OUTSIDE:
        raise UserError(f"{name_of(source)} has gray values from {image.min():g} to {image.max():g}, not {low:g} to "
                        f"{high:g}: give --gray_range LOW HIGH, or --gray_stretch")  # fmt: skip
    scaled = (image.cast("double") - low) * (65535 / (high - low if high > low else 1))
    return scaled.rint().cast("ushort").copy(interpretation="grey16")


def _to_srgb(image: pyvips.Image, source: Source) -> pyvips.Image:
    """Return an image without alpha as sRGB or gray. A profile that does not fit its image is ignored."""
    is_cmyk = image.interpretation == "cmyk"
    if is_cmyk or (image.get_typeof("icc-profile-data") and not _is_srgb(image.get("icc-profile-data"))):
        try:
            depth = 16 if image.format == "ushort" else 8
            fallback = "cmyk" if is_cmyk else "srgb"
            image = image.icc_transform("srgb", embedded=True, input_profile=fallback, depth=depth)
        except pyvips.Error:
            if is_cmyk:
                raise
    if image.bands not in (1, 3):
        raise UserError(f"{name_of(source)} has {image.bands} channels besides alpha; expected gray, RGB or CMYK")
    return image


def _is_srgb(profile: bytes) -> bool:
    try:
        description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return True  # damaged: without it sRGB is what remains
    return description.startswith("sRGB") and "g10" not in description  # g10: linear, as some scanners' programs write


def _as_one(frames: Sequence[pyvips.Image], durations: Sequence[int], target: Path, format: str) -> pyvips.Image:
    """Return the frames one below the other, as libvips writes them."""
    first = frames[0]
    if len(frames) > 1 and format not in HOLDS_FRAMES:
        raise UserError(f"{target}: {format} holds one frame, and there are {len(frames)}; use --format webp or tif")
    limit = MAX_SIDE.get(format)
    if limit and max(first.width, first.height) > limit:
        raise UserError(f"{target}: {format} holds at most {limit} pixels a side; use --format png or tif")
    if first.hasalpha() and format not in HOLDS_ALPHA:
        frames = [frame.flatten(background=65535 if frame.format == "ushort" else 255) for frame in frames]
    if first.format == "ushort" and format not in HOLDS_16_BITS:
        frames = [(frame / 257).rint().cast("uchar").copy(interpretation="srgb") for frame in frames]
    if len(frames) == 1:
        return frames[0].copy()
    image = pyvips.Image.arrayjoin(list(frames), across=1).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", first.height)
    if any(durations):
        image.set_type(pyvips.GValue.array_int_type, "delay", list(durations))
    return image


def _save_options(format: str, quality: int) -> dict:
    return {
        "png": {"compression": 6},
        "jpeg": {"Q": quality, "subsample_mode": "off"},
        "webp": {"Q": quality},
        "tiff": {"compression": "deflate", "predictor": "horizontal", "bigtiff": True},
    }[format]
