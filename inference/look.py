"""How images are colored, and what the network sees of them."""

from dataclasses import dataclass

import numpy as np
import pyvips

from inference import upsampling
from inference.image_file import Frame, Source, open_frames
from inference.resize import resize
from inference.style import Treatment

MAX_RATIO = 8  # the network sees no side longer than this many times the scale


@dataclass(frozen=True)
class Look:
    """How images are colored.

    Attributes:
        scale: the shorter side of what the network sees, in pixels; 0 = the image at its own size.
        strength: 0 = the image as it is, 1 = colored.
        saturation: multiplies chroma.
        keep_luma: give the image the chroma that the network paints; else take the image that it paints.
        quality: of JPEG and WebP, 1 to 100.
        smoothing: of videos: over about how many frames still places are averaged; 0 = none.
        gray_range, gray_stretch: see `inference.image_file.open_frames`.
    """

    scale: int
    strength: float = 1.0
    saturation: float = 1.0
    keep_luma: bool = True
    quality: int = 95
    smoothing: float = 8.0
    gray_range: tuple[float, float] | None = None
    gray_stretch: bool = False

    @classmethod
    def of(
        cls,
        treatment: Treatment,
        scale: int | None = None,
        keep_luma: bool = True,
        gray_range: tuple[float, float] | None = None,
        gray_stretch: bool | None = None,
        **others: float,
    ) -> "Look":
        """Return a look in which what is None is as in a style's training. A new image is painted at its own size."""
        if scale is None:
            scale = treatment.scale if keep_luma else 0
        if gray_stretch is None:
            gray_stretch = treatment.gray_stretch and gray_range is None
        gray_range = gray_range or treatment.gray_range
        return cls(scale, keep_luma=keep_luma, gray_range=gray_range, gray_stretch=gray_stretch, **others)

    def frames_of(self, source: Source) -> list[Frame]:
        """Open a file; see `inference.image_file.open_frames`."""
        return open_frames(source, self.gray_range, self.gray_stretch)

    def prepare(self, size: tuple[int, int], luma: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """Return what `apply` needs for an image of this (width, height), at the size that the network saw.

        Args:
            luma: what the network saw, (1, 1, h, w) in 0..1.
            painted: what it made of that, (1, 3, h, w) in 0..1.
        """
        if not self.keep_luma:
            return _rows_of_pixels(painted)
        chroma = upsampling.without_luma(painted)
        is_enlarged = size[0] > luma.shape[3] or size[1] > luma.shape[2]
        # At the size of the image itself chroma needs no edges of the image.
        slope, offset = upsampling.fit(luma, chroma) if is_enlarged else (np.zeros_like(chroma), chroma)
        return _rows_of_pixels(np.concatenate([slope, offset], 1))

    def apply(self, frame: Frame, prepared: np.ndarray) -> pyvips.Image:
        """Return the colored frame."""
        if not self.keep_luma:
            return upsampling.replace(frame, prepared, self.strength, self.saturation)
        return upsampling.add_color(frame, prepared, self.strength, self.saturation)


def seen_size(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Return width and height of what the network sees of an image: the shorter side is `scale`, the aspect is kept.

    The longer side is at most 8 times `scale`, for images that are nearly lines. A scale of 0 is the image's own size.
    """
    if scale == 0:
        return size
    # Whole numbers, so that an exported model rounds alike.
    divisor = max(MAX_RATIO * min(size), max(size))
    width, height = (max(1, (2 * MAX_RATIO * scale * side + divisor) // (2 * divisor)) for side in size)
    return width, height


def view_of(frame: Frame, scale: int) -> np.ndarray:
    """Return the luma of a frame at the size that the network sees: (1, 1, h, w) in 0..1."""
    width, height = seen_size(frame.size, scale)
    luma = resize(frame.luma(), width, height, "cubic")
    return luma.numpy().reshape(1, 1, height, width).clip(0, 1)


def _rows_of_pixels(images: np.ndarray) -> np.ndarray:
    """Return one image (1, C, h, w) as (h, w, C), as libvips takes it."""
    return np.ascontiguousarray(images[0].transpose(1, 2, 0), np.float32)
