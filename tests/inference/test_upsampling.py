"""Chroma at the size of an image: against slow twins, and the recombination of training."""

import numpy as np
import pytest
import pyvips
import torch

from inference import upsampling
from inference.export import _box_mean
from inference.image_file import LUMA, Frame
from inference.upsampling import add_color, box_mean, fit, replace
from models import color_losses
from models.color_losses import with_luma_of


def frame_of(pixels: np.ndarray, alpha: np.ndarray | None = None) -> Frame:
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    opacity = None if alpha is None else pyvips.Image.new_from_array(alpha)
    return Frame(image, opacity, 65535 if pixels.dtype == np.uint16 else 255)


def slow_fit(luma: np.ndarray, chroma: np.ndarray, radius: int, smoothness: float) -> np.ndarray:
    """Equations 5, 6 and 8 of He, Sun and Tang 2010, pixel by pixel, in float64."""
    h, w = luma.shape
    padded = [np.pad(x, radius, mode="edge") for x in (luma, *chroma)]
    windows = [np.lib.stride_tricks.sliding_window_view(x, (2 * radius + 1,) * 2) for x in padded]
    lines = np.zeros((h, w, 6))
    for y in range(h):
        for x in range(w):
            guide = windows[0][y, x].ravel()
            for c in range(3):
                values = windows[1 + c][y, x].ravel()
                slope = ((guide * values).mean() - guide.mean() * values.mean()) / (guide.var() + smoothness)
                lines[y, x, c], lines[y, x, 3 + c] = slope, values.mean() - slope * guide.mean()
    padded = np.pad(lines, ((radius,) * 2, (radius,) * 2, (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2, axis=(0, 1)).mean((-2, -1))


def lines(slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """What `add_color` takes."""
    return np.concatenate([slope, offset], 1)[0].transpose(1, 2, 0).astype(np.float32)


def constant(chroma: np.ndarray | torch.Tensor) -> np.ndarray:
    """What `add_color` takes where chroma does not depend on luma."""
    chroma = np.asarray(chroma)
    return lines(np.zeros_like(chroma), chroma)


@pytest.mark.parametrize("radius", [1, 2])
def test_fit_is_the_guided_filter(monkeypatch, radius):
    monkeypatch.setattr(upsampling, "RADIUS", radius)
    random = np.random.default_rng(0)
    luma, chroma = random.random((2, 1, 9, 7)), random.random((2, 3, 9, 7)) - 0.5
    slopes, offsets = fit(luma, chroma, smoothness=1e-3)
    for k in range(2):
        expected = slow_fit(luma[k, 0], chroma[k], radius, 1e-3)
        assert np.allclose(lines(slopes[k : k + 1], offsets[k : k + 1]), expected, atol=1e-5)


def test_windows_of_exported_models_are_those_of_arrays():
    images = torch.rand(2, 3, 9, 7)
    assert np.allclose(_box_mean(images), box_mean(images.numpy()), atol=1e-6)


def test_luma_is_that_of_training():
    assert upsampling.LUMA == color_losses.LUMA
    images = torch.rand(2, 3, 5, 4)
    assert np.allclose(color_losses.without_luma(images), upsampling.without_luma(images.numpy()), atol=1e-6)


def test_colors_end_at_the_edges_of_the_large_image():
    edge = 83  # not at a multiple of the scale
    large = np.full((60, 160), 60, np.uint8)
    large[:, edge:] = 200
    small = torch.from_numpy(large[5::10, 5::10] / 255)[None, None].float()
    blue, orange = torch.tensor([-0.1, -0.02, 0.3]), torch.tensor([0.2, -0.02, -0.3])
    chroma = torch.where(small > 0.5, orange.view(3, 1, 1), blue.view(3, 1, 1))
    colored = add_color(frame_of(large), lines(*fit(small.numpy(), chroma.numpy()))).numpy().astype(int)
    red_less_blue = colored[30, :, 0] - colored[30, :, 2]
    assert (red_less_blue[60:edge] < -30).all() and (red_less_blue[edge:100] > 50).all()
    soft = add_color(frame_of(large), constant(chroma)).numpy().astype(int)  # without the edges of the image
    assert abs(soft[30, edge - 1, 2] - colored[30, edge - 1, 2]) > 10


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_recombination_is_that_of_training(dtype):
    white = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, white, (12, 10, 3), dtype, endpoint=True)
    pixels[0, :3] = [[0] * 3, [white] * 3, [white // 2] * 3]
    painted = torch.rand(1, 3, 12, 10) * 2 - 1
    chroma = color_losses.without_luma(painted) / 2
    signed = torch.from_numpy(pixels.astype(np.float32) / white).permute(2, 0, 1)[None] * 2 - 1
    expected = ((with_luma_of(painted, signed) + 1) / 2 * white)[0].permute(1, 2, 0).numpy()
    colored = add_color(frame_of(pixels), constant(chroma)).numpy()
    assert colored.dtype == dtype and np.abs(colored - expected).max() <= 0.51 + 2e-6 * white


def test_strength_mixes_with_the_image_and_saturation_keeps_the_luma():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    fitted = constant(torch.rand(1, 3, 12, 10) - 0.5)
    frame = frame_of(pixels, pixels[..., 0].copy())
    full, half, none = (add_color(frame, fitted, strength=s).numpy().astype(int) for s in (1.0, 0.5, 0.0))
    assert np.array_equal(none[..., :3], pixels) and np.abs(half - (full + none) / 2).max() <= 1.01
    assert np.array_equal(full[..., 3], pixels[..., 0])
    chroma = constant(color_losses.without_luma(torch.rand(1, 3, 12, 10)))
    gray, dull, vivid = (add_color(frame, chroma, saturation=s).numpy()[..., :3] @ np.array(LUMA) for s in (0, 0.5, 3))
    assert np.abs(dull - gray).max() < 1.5 and np.abs(vivid - gray).max() < 1.5


def test_another_image_takes_the_place_of_a_frame():
    pixels, painted = np.full((12, 10, 3), 100, np.uint8), np.random.default_rng(0).random((12, 10, 3), np.float32)
    frame = frame_of(pixels, np.arange(120, dtype=np.uint8).reshape(12, 10))
    whole, half = (replace(frame, painted, strength).numpy().astype(int) for strength in (1, 0.5))
    assert np.abs(whole[..., :3] - painted * 255).max() <= 0.51 and np.array_equal(whole[..., 3].ravel(), range(120))
    assert np.abs(half[..., :3] - (painted * 255 + 100) / 2).max() <= 0.51
    gray, vivid = (replace(frame, painted * 0.3 + 0.3, saturation=s).numpy()[..., :3].astype(int) for s in (0, 2))
    assert np.ptp(gray, axis=2).max() == 0 and np.abs((vivid - gray) @ np.array(LUMA)).max() < 1.5
    small = np.full((6, 5, 3), 0.2, np.float32)
    assert np.array_equal(replace(frame, small).numpy()[..., :3], np.full((12, 10, 3), 51))
