"""Losses made for color, and the luma: pure functions of images (N, 3, H, W) in [-1, 1]. Part of the plugin."""

from functools import lru_cache

import torch
import torch.nn.functional as F

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as in pillow's mode L
# Linear sRGB to XYZ (IEC 61966-2-1), and the white point D65 of the 2 degree observer.
_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)


def to_grayscale(images: torch.Tensor) -> torch.Tensor:
    """Return the luma of images (N, 3, H, W) in all three channels."""
    weights = _constant(LUMA, images.device, images.dtype).view(3, 1, 1)
    return (images * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)


def without_luma(images: torch.Tensor) -> torch.Tensor:
    """Return images minus their luma: (N, 3, H, W) whose luma is 0 everywhere. Values can be outside of [-1, 1]."""
    images = _at_least_float32(images)
    return images - to_grayscale(images)


def with_luma_of(images: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
    """Return images with the luma of their sources: luma(source) + t (image - luma(image)).

    t is the largest factor up to 1 with which all three channels stay in [-1, 1]. So luma and hue are kept exactly, and
    only saturation is lost where a color is too bright or too dark to exist. Unlike clamping, this leaves a gradient
    in every channel; at black and white there is no color, and the gradient is 0.

    Args:
        images: (N, 3, H, W).
        sources: (N, 3, H, W) in [-1, 1], in gray or in color.
    Returns:
        (N, 3, H, W) in [-1, 1].
    """
    luma = to_grayscale(sources)
    chroma = without_luma(images)
    room = torch.where(chroma > 0, 1 - luma, 1 + luma)  # up to the end of the range on the channel's side
    factor = (room / chroma.abs().clamp_min(1e-6)).amin(1, keepdim=True).clamp_max(1)
    return luma + factor * chroma


def luma_out_of_range(images: torch.Tensor, limit: float = 0.5) -> torch.Tensor:
    """Return by how much the luma of each image is above `limit` or below -`limit`, mean over pixels: (N,).

    With `with_luma_of` the luma of `images` has no effect, and nothing else keeps a network with tanh from drifting to
    its ends, where all channels are equal, so that there is no color, and the gradient vanishes.
    """
    luma = to_grayscale(_at_least_float32(images))[:, 0]
    return (luma.abs() - limit).clamp_min(0).flatten(1).mean(1)


def total_variation(images: torch.Tensor, beta: float = 2.0) -> torch.Tensor:
    """Return sum over c, i, j of ((x[i,j+1] - x[i,j])^2 + (x[i+1,j] - x[i,j])^2)^(beta/2), one number per image: (N,).

    Differences past the last row or column count 0 (Mahendran and Vedaldi 2015, eq. 5, summed over channels).
    """
    images = _at_least_float32(images)
    right = F.pad(images.diff(dim=3), (0, 1))
    down = F.pad(images.diff(dim=2), (0, 0, 0, 1))
    squares = right.square() + down.square()
    if beta != 2:
        # Below 2 the gradient at a flat image would be infinite.
        squares = (squares + (1e-12 if beta < 2 else 0.0)) ** (beta / 2)
    return squares.flatten(1).sum(1)


def rgb_to_lab(images: torch.Tensor) -> torch.Tensor:
    """Return CIELAB (N, 3, H, W): L in 0..100, a and b in their own units; sRGB, D65, as skimage.color.rgb2lab.

    Values outside [-1, 1] are clipped. Gradients are finite everywhere: each branch is clamped to its own domain
    before its power is taken, since torch.where would multiply an infinite gradient by 0.
    """
    with torch.autocast(images.device.type, enabled=False):
        rgb = ((_at_least_float32(images) + 1) / 2).clamp(0, 1)
        linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        matrix = _constant(_XYZ, rgb.device, rgb.dtype)
        white = _constant(_WHITE, rgb.device, rgb.dtype)
        xyz = torch.einsum("ij,njhw->nihw", matrix / white[:, None], linear)
        f = torch.where(xyz > 0.008856, xyz.clamp_min(0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
        x, y, z = f.unbind(1)
        return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def color_variance(images: torch.Tensor) -> torch.Tensor:
    """Return the population variances of a and b over the pixels of each image: (N, 2), in Lab^2."""
    return rgb_to_lab(images)[:, 1:].flatten(2).var(2, correction=0)


def _at_least_float32(images: torch.Tensor) -> torch.Tensor:
    return images if images.dtype == torch.float64 else images.float()


@lru_cache  # a new tensor in each step would wait for the GPU, and a CUDA graph could not hold it
def _constant(values: tuple, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(values, device=device, dtype=dtype)
