"""Colorizers that need no training, to compare a model with. Lab (H, W, 3) has L in 0..100."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.spatial import cKDTree

INVISIBLE = 0.1  # a standard deviation in Lab: conversion leaves gray one of about 0.003


def with_colors(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Return Lab (H, W, 3) of a lightness (H, W) and colors: (H, W, 2), or (2,) for one color everywhere."""
    return np.concatenate([lightness[..., None], np.broadcast_to(ab, (*lightness.shape, 2))], -1)


def reinhard_transfer(image: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) whose L, a and b have the means and the standard deviations of those of a style image.

    Reinhard et al. 2001, Color Transfer between Images, in CIELAB instead of their color space. A channel that is
    constant, as a and b of a gray image are, becomes the style's mean. L is clipped to 0..100.
    """
    image, style = (lab.astype(np.float64) for lab in (image, style))
    deviation = image.std((0, 1))
    is_constant = deviation < INVISIBLE
    scale = np.where(is_constant, 0, style.std((0, 1)) / np.where(is_constant, 1, deviation))
    moved = (image - image.mean((0, 1))) * scale + style.mean((0, 1))
    moved[..., 0] = moved[..., 0].clip(0, 100)
    return moved


class WelshTransfer:
    """Welsh et al. 2002, Transferring Color to Greyscale Images, from all style images at once.

    A pixel gets the mean (a, b) of the k style pixels that are most like it: in lightness, in the standard deviation
    of the lightness around it (5x5, as in the paper), in the lightness of its neighborhood (Gaussian blur), and in the
    height in the image. The paper has the first two; the others make it stronger.
    """

    DEVIATION_WEIGHT = 2.0
    HEIGHT_WEIGHT = 40.0  # from the upper to the lower border, in units of L
    BLUR = 0.075  # sigma, as a share of the shorter side

    def __init__(self, style: Sequence[tuple[np.ndarray, np.ndarray]], samples: int = 225_000):
        """Args: style: of each style image the lightness (H, W) in gray, and (a, b) (H, W, 2); samples: in all."""
        random = np.random.default_rng(0)
        features, targets = [], []
        for lightness, colors in style:
            drawn = random.integers(lightness.size, size=max(1, samples // len(style)))
            features.append(self._features(lightness).reshape(-1, 4)[drawn])
            targets.append(colors.reshape(-1, 2)[drawn])
        self.tree = cKDTree(np.concatenate(features))
        self.targets = np.concatenate(targets)

    def colorize(self, lightness: np.ndarray, k: int = 1) -> np.ndarray:
        """Return Lab (H, W, 3) of a gray image, given by its lightness (H, W)."""
        k = min(k, len(self.targets))
        _, nearest = self.tree.query(self._features(lightness).reshape(-1, 4), k=k, workers=-1)
        ab = self.targets[nearest.reshape(-1, k)].mean(1)
        return with_colors(lightness, ab.reshape(*lightness.shape, 2))

    def _features(self, lightness: np.ndarray) -> np.ndarray:
        lightness = lightness.astype(np.float64)
        height, width = lightness.shape
        mean = uniform_filter(lightness, 5)
        deviation = np.sqrt((uniform_filter(lightness**2, 5) - mean**2).clip(0))
        neighborhood = gaussian_filter(lightness, self.BLUR * min(height, width))
        rows = np.broadcast_to(np.linspace(0, self.HEIGHT_WEIGHT, height)[:, None], lightness.shape)
        return np.stack([lightness, self.DEVIATION_WEIGHT * deviation, neighborhood, rows], -1)
