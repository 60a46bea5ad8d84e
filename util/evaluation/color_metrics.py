"""Metrics of one image, in CIELAB. docs/metrics.md defines them. An image is an array (H, W, 3) of L, a and b."""

import numpy as np
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from skimage.metrics import structural_similarity

PATCH_SIDE = 5
PATCHES_PER_IMAGE = 400
PATCH_LEVELS = 3
COLORS_PER_IMAGE = 4096


def to_lab(image: np.ndarray) -> np.ndarray:
    """Return CIELAB (H, W, 3) of an sRGB image (H, W, 3) uint8: L in 0..100, a and b in about -110..110; D65."""
    return rgb2lab(image).astype(np.float32)


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """Return the sRGB image (H, W, 3) uint8 of CIELAB (H, W, 3). Colors that sRGB does not have are clipped."""
    # scikit-image warns when a clipped color would be negative.
    lightness, a, b = np.moveaxis(lab, -1, 0).astype(np.float64)
    b = np.minimum(b, 200 * (lightness + 16) / 116 - 1e-9)
    return (lab2rgb(np.stack([lightness, a, b], -1)) * 255).round().astype(np.uint8)


def ab_error(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean over pixels of the Euclidean distance between (a, b) and the true (a, b)."""
    return float(np.linalg.norm(image[..., 1:] - truth[..., 1:], axis=-1).mean())


def ciede2000_error(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean over pixels of the CIEDE2000 color difference (Sharma et al. 2005)."""
    return float(deltaE_ciede2000(truth.astype(np.float64), image.astype(np.float64)).mean())


def colorfulness(image: np.ndarray) -> float:
    """Return the spread of (a, b) plus 0.37 times the length of their mean.

    This is M1, the CIELAB metric of Hasler and Suesstrunk 2003: sqrt(Var[a] + Var[b]) + 0.37 sqrt(E[a]^2 + E[b]^2).
    """
    ab = image[..., 1:].reshape(-1, 2).astype(np.float64)
    return float(np.sqrt(ab.var(0).sum()) + 0.37 * np.linalg.norm(ab.mean(0)))


def spread_within(image: np.ndarray) -> float:
    """Return the mean of the standard deviations of a and of b over the pixels."""
    return float(image[..., 1:].reshape(-1, 2).astype(np.float64).std(0).mean())


def kept_structure(image: np.ndarray, source: np.ndarray) -> float:
    """Return SSIM between the L of an image and of its source (Wang et al. 2004: Gaussian window, sigma 1.5).

    An image with less than 11 rows or columns is repeated at its border.
    """
    missing = [(0, max(0, 11 - side)) for side in image.shape[:2]]
    pair = [np.pad(lab[..., 0], missing, mode="edge") for lab in (image, source)]
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*pair, data_range=100, **window))


def sample_colors(image: np.ndarray) -> np.ndarray:
    """Return the (a, b) of 4096 pixels (4096, 2), drawn alike in each call. So all images have the same weight."""
    ab = image[..., 1:].reshape(-1, 2)
    return ab[np.random.default_rng(0).integers(len(ab), size=COLORS_PER_IMAGE)]


def sample_patches(image: np.ndarray) -> list[np.ndarray]:
    """Return 400 patches of 5x5 pixels (400, 75) at each of three scales: whole, half and a quarter of the size.

    The positions are drawn alike for images of one size. An image too small for a patch at some scale is repeated at
    its border.
    """
    levels, level = [], image
    random = np.random.default_rng(0)
    for _ in range(PATCH_LEVELS):
        missing = [max(0, PATCH_SIDE - side) for side in level.shape[:2]]
        level = np.pad(level, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH_SIDE, PATCH_SIDE), (0, 1))
        rows, columns = (random.integers(side, size=PATCHES_PER_IMAGE) for side in windows.shape[:2])
        levels.append(windows[rows, columns].reshape(PATCHES_PER_IMAGE, -1))
        level = _halve(level)
    return levels


def _halve(image: np.ndarray) -> np.ndarray:
    """Return the means of 2x2 pixels; an odd last row or column is dropped unless it is the only one."""
    height, width, channels = image.shape
    image = image[: max(1, height // 2 * 2), : max(1, width // 2 * 2)]
    image = np.repeat(image, 2, 0) if height == 1 else image
    image = np.repeat(image, 2, 1) if width == 1 else image
    return image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2, channels).mean((1, 3))
