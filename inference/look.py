"""How images are colored, and what the network sees of them."""

from dataclasses import dataclass

import numpy as np
import pyvips
import torch

from inference import upsampling
from inference.image_file import Frame
from models.color_losses import without_luma

_MAX_RATIO = 8  # the network sees no side longer than this many times the scale


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
    """

    scale: int
    strength: float = 1.0
    saturation: float = 1.0
    keep_luma: bool = True
    quality: int = 95
    smoothing: float = 8.0

    def prepare(self, size: tuple[int, int], luma: torch.Tensor, painted: torch.Tensor) -> np.ndarray:
        """Return what `apply` needs for an image of this (width, height), at the size that the network saw.

        Args:
            luma: what the network saw, (1, 1, h, w) in 0..1.
            painted: what it made of that, (1, 3, h, w) in 0..1.
        """
        if not self.keep_luma:
            return upsampling.as_array(painted)
        is_enlarged = size[0] > luma.shape[3] or size[1] > luma.shape[2]
        chroma = without_luma(painted)
        return upsampling.fit(luma, chroma) if is_enlarged else upsampling.constant(chroma)

    def apply(self, frame: Frame, prepared: np.ndarray) -> pyvips.Image:
        """Return the colored frame."""
        if not self.keep_luma:
            return upsampling.replace(frame, prepared, self.strength)
        return upsampling.add_color(frame, prepared, self.strength, self.saturation)


def seen_size(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Return width and height of what the network sees of an image: the shorter side is `scale`, the aspect is kept.

    The longer side is at most 8 times `scale`, for images that are nearly lines. A scale of 0 is the image's own size.
    """
    if scale == 0:
        return size
    factor = min(scale / min(size), _MAX_RATIO * scale / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def view_of(frame: Frame, scale: int) -> torch.Tensor:
    """Return the luma of a frame at the size that the network sees: (1, 1, h, w) in 0..1."""
    luma = frame.luma()
    width, height = seen_size(frame.size, scale)
    if (width, height) != frame.size:
        luma = luma.resize(width / luma.width, vscale=height / luma.height, kernel="cubic")
    return torch.from_numpy(luma.numpy()).reshape(1, 1, height, width).clamp(0, 1)
