"""Brings chroma from the size that the network saw to the size of the image, along the image's own edges.

The fast guided filter (He and Sun 2015, "Fast Guided Filter", after He, Sun and Tang 2010): within each small window of
the small image chroma is fitted as a linear function of luma, chroma = slope * luma + offset. Slopes and offsets are
smooth, so they can be enlarged, and with the luma of the full-size image they give chroma whose edges are those of
that luma.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pyvips
from scipy.ndimage import uniform_filter

from inference.image_file import LUMA, Frame
from inference.resize import resize

SRGB: bytes = pyvips.Operation.call("profile_load", "srgb")
RADIUS = 2  # of a window, in pixels of the small image
SMOOTHNESS = 1e-3  # windows whose luma (0..1) varies less than this get a constant color

Images = TypeVar("Images")  # arrays or tensors (N, C, h, w)


def without_luma(images: np.ndarray) -> np.ndarray:
    """Return images (N, 3, h, w) minus their luma."""
    return images - np.einsum("nchw,c->nhw", images, np.float32(LUMA))[:, None]


def box_mean(images: np.ndarray) -> np.ndarray:
    """Return the mean over a square window around each pixel; beyond the border the nearest pixel is repeated."""
    side = 2 * RADIUS + 1
    return uniform_filter(images, (1, 1, side, side), mode="nearest")


def fit(
    luma: Images, chroma: Images, mean: Callable[[Images], Images] = box_mean, smoothness: float = SMOOTHNESS
) -> tuple[Images, Images]:
    """Fit chroma as a linear function of luma around each pixel: chroma = slope * luma + offset.

    Args:
        luma: (N, 1, h, w) in 0..1.
        chroma: (N, 3, h, w): RGB minus its luma, each channel.
        mean: over the window around each pixel.
    Returns:
        Slopes and offsets, (N, 3, h, w) each, averaged over the windows that a pixel lies in.
    """
    mean_luma, mean_chroma = mean(luma), mean(chroma)
    covariance = mean(luma * chroma) - mean_luma * mean_chroma
    variance = mean(luma * luma) - mean_luma * mean_luma
    slope = covariance / (variance + smoothness)
    return mean(slope), mean(mean_chroma - slope * mean_luma)


def add_color(frame: Frame, fitted: np.ndarray, strength: float = 1.0, saturation: float = 1.0) -> pyvips.Image:
    """Return a frame with the chroma that `fit` found, in sRGB with the frame's bits and alpha.

    The luma of each pixel stays what it is. Chroma that does not fit between black and white is scaled down, as
    `models.color_losses.with_luma_of` does.

    Args:
        fitted: (h, w, 6): slopes and offsets.
        strength: 0 = the frame as it is, 1 = colored; between them a mixture.
        saturation: multiplies chroma.
    """
    luma = frame.luma()
    slope, offset = (_enlarge(part, luma) for part in (fitted[..., :3], fitted[..., 3:]))
    chroma = (slope * luma + offset) * saturation
    room = (chroma > 0).ifthenelse(1 - luma, luma)  # to white or black, on the channel's side
    magnitude = chroma.abs()
    factor = (magnitude > room).ifthenelse(room / magnitude, 1.0)
    factor = factor[0].bandrank([factor[1], factor[2]], index=0)
    return _finish(frame, luma + chroma * factor, strength)


def replace(frame: Frame, painted: np.ndarray, strength: float = 1.0, saturation: float = 1.0) -> pyvips.Image:
    """Return another image in place of a frame, in sRGB with the frame's size, bits and alpha.

    Args:
        painted: (h, w, 3) in 0..1.
        strength, saturation: see `add_color`.
    """
    colored = _enlarge(painted, frame.color, "cubic")
    if saturation != 1:
        luma = colored.recomb([list(LUMA)])
        colored = luma + (colored - luma) * saturation
    return _finish(frame, colored, strength)


def _finish(frame: Frame, colored: pyvips.Image, strength: float) -> pyvips.Image:
    """Mix a result, in 0..1, with its frame; give it the frame's bits and alpha, and the profile of sRGB."""
    colored = colored * frame.white
    if strength < 1:
        colored = frame.color * (1 - strength) + colored * strength
    deep = frame.white > 255
    colored = colored.rint().cast("ushort" if deep else "uchar")
    if frame.alpha:
        colored = colored.bandjoin(frame.alpha)
    colored = colored.copy(interpretation="rgb16" if deep else "srgb")
    colored.set_type(pyvips.GValue.blob_type, "icc-profile-data", SRGB)
    return colored


def _enlarge(array: np.ndarray, like: pyvips.Image, kernel: str = "linear") -> pyvips.Image:
    return resize(pyvips.Image.new_from_array(np.ascontiguousarray(array)), like.width, like.height, kernel)
