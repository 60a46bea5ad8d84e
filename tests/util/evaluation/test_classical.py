"""Welsh's transfer against a slow twin, Reinhard's by what it promises."""

import numpy as np
import pytest

from util.evaluation.classical import WelshTransfer, reinhard_transfer, with_colors
from util.evaluation.color_metrics import to_lab


def slow_features(lightness: np.ndarray) -> np.ndarray:
    """Loops over the pixels. The Gaussian is cut off after 4 sigma, the border is mirrored."""
    height, width = lightness.shape
    sigma = 0.075 * min(height, width)
    reach = int(4 * sigma + 0.5)
    pad = max(reach, 2)
    padded = np.pad(lightness, pad, mode="symmetric")
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    features = np.empty((height, width, 4))
    for y in range(height):
        for x in range(width):
            window = padded[y + pad - 2 : y + pad + 3, x + pad - 2 : x + pad + 3]
            around = padded[y + pad - reach : y + pad + reach + 1, x + pad - reach : x + pad + reach + 1]
            features[y, x] = lightness[y, x], 2 * window.std(), (around * kernel).sum(), 40 * y / (height - 1)
    return features


@pytest.mark.parametrize("k", [1, 7])
def test_pixels_get_the_mean_color_of_the_most_similar_style_pixels(k):
    random = np.random.default_rng(0)
    # With one pixel for each image, it is clear which pixels were drawn.
    style = [(random.uniform(0, 100, (1, 1)), random.normal(0, 20, (1, 1, 2))) for _ in range(30)]
    lightness = random.uniform(0, 100, (20, 14))
    tables = np.array([[float(own[0, 0]), 0.0, float(own[0, 0]), 0.0] for own, _ in style])
    colors = np.array([ab[0, 0] for _, ab in style])
    expected = np.empty((20, 14, 2))
    for position, own in zip(np.ndindex(20, 14), slow_features(lightness).reshape(-1, 4), strict=True):
        nearest = np.argsort(((tables - own) ** 2).sum(1))[:k]
        expected[position] = colors[nearest].mean(0)
    found = WelshTransfer(style, samples=30).colorize(lightness, k)
    assert found == pytest.approx(with_colors(lightness, expected), abs=1e-4)


def test_colors_follow_lightness_and_height():
    """Light is blue and dark is orange in the style; between them height decides."""
    rows = np.repeat(np.linspace(0, 1, 40)[:, None], 40, 1)
    blue = np.repeat(rows[..., None] < 0.5, 2, -1) * np.array([0.0, -40.0])
    top_is_blue = (np.full((40, 40), 50.0), blue)
    found = WelshTransfer([top_is_blue]).colorize(np.full((40, 40), 50.0), k=4)
    assert (found[:18, :, 2] == -40).all() and (found[22:, :, 2] == 0).all()
    assert (found[..., 0] == 50).all()


def test_reinhard_gives_an_image_the_means_and_deviations_of_the_style():
    random = np.random.default_rng(0)
    image = random.normal((50, 3, -9), (9, 4, 7), (20, 14, 3))
    style = random.normal((60, 20, 30), (5, 8, 2), (9, 7, 3))
    found = reinhard_transfer(image, style)
    assert found.mean((0, 1)) == pytest.approx(style.mean((0, 1)))
    assert found.std((0, 1)) == pytest.approx(style.std((0, 1)))
    channels = np.array([np.corrcoef(image[..., i].ravel(), found[..., i].ravel())[0, 1] for i in range(3)])
    assert channels == pytest.approx(1)


def test_reinhard_gives_gray_one_color_and_keeps_lightness_in_its_range():
    gray = to_lab(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, -1))
    style = np.random.default_rng(0).normal((90, 20, 30), (40, 8, 2), (9, 7, 3))
    found = reinhard_transfer(gray, style)
    assert np.ptp(found[..., 1:], (0, 1)) == pytest.approx(0)
    assert found[0, 0, 1:] == pytest.approx(style[..., 1:].mean((0, 1)))
    assert found[..., 0].min() >= 0 and found[..., 0].max() == 100
