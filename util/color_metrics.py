"""Color differences in CIELAB: per pixel where the true colors are known, else between distributions."""

import numpy as np
from scipy.stats import wasserstein_distance
from skimage.color import rgb2lab


def ab_of(image: np.ndarray) -> np.ndarray:
    """Return the CIELAB a and b of an image (H, W, 3) uint8 as an array (H * W, 2)."""
    return rgb2lab(image)[..., 1:].reshape(-1, 2)


def ab_error(ab: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean Euclidean distance between the (a, b) of pixels: two arrays (N, 2), or one of them (2,)."""
    return float(np.linalg.norm(ab - truth, axis=1).mean())


def ab_distance(one: np.ndarray, other: np.ndarray, directions: int = 32) -> float:
    """Return the sliced Wasserstein-1 distance of two sets of colors (N, 2) and (M, 2), in Lab units.

    The mean over evenly spread directions of the distance between the projections (Rabin et al. 2011). A shift of
    all colors by d gives 2 d / pi.
    """
    angles = np.pi * np.arange(directions) / directions
    axes = np.stack([np.cos(angles), np.sin(angles)])
    return float(np.mean([wasserstein_distance(u, v) for u, v in zip((one @ axes).T, (other @ axes).T, strict=True)]))


def subsample(ab: np.ndarray, count: int = 4096) -> np.ndarray:
    """Return `count` colors drawn from (N, 2), the same ones in each call. It gives all images the same weight."""
    return ab[np.random.default_rng(0).integers(len(ab), size=count)]
