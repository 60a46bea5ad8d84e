"""Metrics of one image: by hand, against published values, and with planted defects."""

import warnings

import numpy as np
import pytest
from skimage.color import rgb2lab

from tests.helpers.images import noise
from util.evaluation import color_metrics as metrics


def lab(*pixels: tuple[float, float, float]) -> np.ndarray:
    """Return an image of one row."""
    return np.array([pixels], float)


def test_ab_error_by_hand():
    truth = lab((10, 3, 4), (90, 0, 0))
    assert metrics.ab_error(lab((50, 0, 0), (50, 0, 0)), truth) == 2.5 and metrics.ab_error(truth, truth) == 0


@pytest.mark.parametrize(("one", "other", "difference"), [  # pairs 1, 14 and 25 of Sharma et al. 2005, table 1
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
])  # fmt: skip
def test_ciede2000_has_the_published_values(one, other, difference):
    assert metrics.ciede2000_error(lab(one), lab(other)) == pytest.approx(difference, abs=1e-4)


def test_colorfulness_and_spread_by_hand():
    image = lab((0, 1, 10), (0, 5, 10))
    assert metrics.colorfulness(image) == pytest.approx(2 + 0.37 * np.hypot(3, 10))
    assert metrics.spread_within(image) == 1  # standard deviations 2 and 0


def test_kept_structure_by_hand():
    """The SSIM of two flat images has only its term of the means."""
    flat = np.full((20, 20, 3), 40.0)
    brighter = flat + [20, 7, -7]
    assert metrics.kept_structure(brighter, flat) == pytest.approx((2 * 60 * 40 + 1) / (60**2 + 40**2 + 1))
    colored = metrics.to_lab(noise(32, 32))
    assert metrics.kept_structure(colored, colored * [1, 0, 0]) == pytest.approx(1)
    assert metrics.kept_structure(colored + np.random.default_rng(0).normal(0, 20, (32, 32, 1)), colored) < 0.9


def test_sample_colors_draws_from_the_whole_image():
    width = 512
    columns = np.tile(np.arange(float(width))[None, :, None], (512, 1, 3))
    drawn = metrics.sample_colors(columns)
    assert drawn.shape == (4096, 2) and len(np.unique(drawn)) > 500 and (drawn == metrics.sample_colors(columns)).all()
    assert drawn.mean() == pytest.approx(width / 2, rel=0.05) and len(metrics.sample_colors(columns[:10])) == 4096


def test_sample_patches_are_patches_of_the_image_at_three_scales():
    image = np.arange(41 * 30 * 3, dtype=float).reshape(41, 30, 3)  # every value once
    half = np.array([[image[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((0, 1)) for x in range(15)] for y in range(20)])
    scales = metrics.sample_patches(image)
    for level, drawn in zip((image, half), scales, strict=False):
        found = {
            level[y : y + 5, x : x + 5].transpose(2, 0, 1).tobytes()
            for y in range(level.shape[0] - 4)
            for x in range(level.shape[1] - 4)
        }
        assert drawn.shape == (400, 75) and all(patch.tobytes() in found for patch in drawn)
        assert len(np.unique(drawn[:, 0])) > 100
    assert scales[2].shape == (400, 75)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (7, 4)])
def test_sample_patches_repeats_the_border_of_tiny_images(size):
    image = np.full((*size, 3), 7.0)
    assert all((patches == 7).all() and patches.shape == (400, 75) for patches in metrics.sample_patches(image))


def test_lab_round_trip_and_colors_that_do_not_exist():
    image = noise(16, 16)
    assert metrics.to_lab(image) == pytest.approx(rgb2lab(image), abs=1e-4)
    assert (metrics.to_rgb(metrics.to_lab(image)) == image).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for color in ((5, 0, 110), (99, 120, -120), (50, -128, 127)):
            metrics.to_rgb(lab(color))
        lightness = np.linspace(0, 100, 10_001)
        metrics.to_rgb(np.stack([lightness, 0 * lightness, 0 * lightness + 250], -1)[None])
