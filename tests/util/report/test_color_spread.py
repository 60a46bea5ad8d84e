"""Statistics of colors against numpy, and what they distinguish."""

import math

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from models.color_losses import rgb_to_lab
from util.report.color_spread import ColorSpread


def read(painted: torch.Tensor, style: torch.Tensor) -> dict[str, float]:
    spread = ColorSpread(rgb_to_lab)
    for one, other in zip(painted.split(1), style.split(1), strict=True):
        spread.add(one, other)
    return spread.read()


def images_of(a: np.ndarray, b: np.ndarray) -> torch.Tensor:
    """Images (N, 3, H, W) in [-1, 1] of lightness 60 with these a and b (N, H, W)."""
    rgb = lab2rgb(np.stack([np.full_like(a, 60.0), a, b], -1))
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() * 2 - 1


def test_color_spread_against_numpy():
    random = torch.Generator().manual_seed(3)
    images = torch.rand(5, 3, 32, 32, generator=random) * 2 - 1  # as many pixels as are kept: all of them count
    ab = rgb2lab(((images + 1) / 2).permute(0, 2, 3, 1).double().numpy())[..., 1:].reshape(5, -1, 2)
    values = read(images, images.flip(0))
    assert values["spread_a"] == pytest.approx(ab[..., 0].std(1).mean(), rel=1e-4)
    assert values["spread_b"] == pytest.approx(ab[..., 1].std(1).mean(), rel=1e-4)
    assert values["spread_between"] == pytest.approx(np.sqrt(ab.mean(1).var(0).sum()), rel=1e-3)
    deviations = (ab - ab.mean(1, keepdims=True)).reshape(-1, 2)
    angles = np.radians(np.arange(0, 180, 0.25))
    along = deviations @ np.stack([np.cos(angles), np.sin(angles)])
    assert values["spread_least"] == pytest.approx(along.std(0).min(), rel=1e-3)
    ours = {name: value for name, value in values.items() if not name.startswith("style_")}
    assert {f"style_{name}": pytest.approx(value, rel=1e-5) for name, value in ours.items()}.items() <= values.items()


def test_color_spread_of_one_hue_in_all_strengths_is_one_tone():
    """Olive from pale to strong has spread in a and in b, but in one direction alone."""
    strength = np.random.default_rng(0).uniform(0, 1, (4, 40, 40))
    olive = images_of(-15 * strength, 40 * strength)
    colorful = images_of(*np.random.default_rng(1).uniform(-20, 20, (2, 4, 40, 40)))
    values = read(olive, colorful)
    assert values["spread_b"] > 8 and values["spread_least"] < 0.5 and values["style_spread_least"] > 10


def test_color_spread_of_images_of_one_color_each_is_between_them():
    a = np.array([-20.0, 0.0, 20.0])[:, None, None] * np.ones((3, 8, 8))
    values = read(images_of(a, a), torch.zeros(3, 3, 8, 8))
    assert values["spread_a"] == pytest.approx(0, abs=0.05)
    assert values["spread_between"] == pytest.approx(np.sqrt(2) * a.std(), rel=0.01)


def test_color_spread_covers_the_latest_images_of_any_size():
    spread = ColorSpread(rgb_to_lab, max_images=3)
    for height, width in [(16, 16), (33, 90), (256, 31), (5, 7)]:
        spread.add(torch.rand(1, 3, height, width), torch.rand(1, 3, height, width))
    for _ in range(3):
        spread.add(torch.zeros(1, 3, 9, 9), torch.zeros(1, 3, 64, 64))
    assert spread.read() == pytest.approx(dict.fromkeys(spread.read(), 0.0), abs=1e-3)


def test_color_spread_counts_the_images_of_a_batch():
    spread = ColorSpread(rgb_to_lab, max_images=4)
    for value in (0.5, -0.5):
        spread.add(torch.rand(3, 3, 8, 8), torch.full((3, 3, 8, 8), value))
    assert sum(map(len, spread.latest["style_"])) == 3
    spread.add(torch.rand(9, 3, 8, 8), torch.rand(9, 3, 8, 8))
    assert sum(map(len, spread.latest[""])) == 4


def test_color_spread_of_nothing_is_empty_and_of_nan_is_nan():
    assert ColorSpread(rgb_to_lab).read() == {}
    assert all(map(math.isnan, read(*torch.full((2, 1, 3, 8, 8), torch.nan)).values()))
