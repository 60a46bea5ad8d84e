"""Color losses against skimage, numpy and values computed by hand."""

import numpy as np
import pytest
import skimage.color
import torch

from data.grayscale_unaligned_dataset import LUMA as DATA_LUMA
from models.color_losses import (
    LUMA,
    color_variance,
    luma_out_of_range,
    rgb_to_lab,
    to_grayscale,
    total_variation,
    with_luma_of,
)


def test_lab_agrees_with_skimage_over_the_cube():
    axis = np.linspace(0, 1, 33)
    cube = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(33, -1, 3)
    expected = skimage.color.rgb2lab(cube)
    images = torch.tensor(cube, dtype=torch.float32).permute(2, 0, 1)[None] * 2 - 1
    actual = rgb_to_lab(images)[0].permute(1, 2, 0).numpy()
    assert np.abs(actual - expected).max() < 1e-3


@pytest.mark.parametrize("value", [-1.0, 1.0, 0.3, -1.0001, 1.0001])
@pytest.mark.parametrize("loss", [color_variance, total_variation, lambda x: total_variation(x, 1.0)])
def test_color_losses_have_finite_gradients_at_flat_images(loss, value):
    images = torch.full((1, 3, 4, 4), value, requires_grad=True)
    loss(images).sum().backward()
    assert images.grad.isfinite().all()


def test_lab_has_the_gradient_of_finite_differences():
    images = (torch.rand(1, 3, 3, 3, dtype=torch.float64) * 1.6 - 0.8).requires_grad_()
    assert torch.autograd.gradcheck(rgb_to_lab, images)


def test_total_variation_by_hand():
    # One channel 0 1 / 0 0: right 1, down of the upper right corner -1, so (1) at (0,0) and (1) at (0,1).
    images = torch.zeros(1, 3, 2, 2)
    images[0, 0, 0, 1] = 1
    assert total_variation(images).item() == pytest.approx(2)
    images = torch.zeros(1, 3, 2, 2)
    images[0, :, 0, 0] = 1  # both differences at one pixel: sqrt(2) with B = 1, three channels
    assert total_variation(images, 1.0).item() == pytest.approx(3 * 2**0.5, rel=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("beta", [2.0, 1.5, 3.0])
def test_total_variation_is_the_printed_formula(batch, beta):
    images = torch.rand(batch, 3, 5, 4, dtype=torch.float64)
    expected = torch.zeros(batch, dtype=torch.float64)
    for n in range(batch):
        for c in range(3):
            for i in range(5):
                for j in range(4):
                    x = images[n, c]
                    right = x[i, j + 1] - x[i, j] if j + 1 < 4 else 0.0
                    down = x[i + 1, j] - x[i, j] if i + 1 < 5 else 0.0
                    expected[n] += (right**2 + down**2) ** (beta / 2)
    assert torch.allclose(total_variation(images, beta), expected, rtol=1e-6)


def test_color_variance_is_that_of_numpy():
    images = torch.rand(2, 3, 6, 7) * 2 - 1
    lab = skimage.color.rgb2lab(((images + 1) / 2).permute(0, 2, 3, 1).double().numpy())
    expected = lab[..., 1:].reshape(2, -1, 2).var(axis=1)
    assert np.allclose(color_variance(images).numpy(), expected, rtol=1e-3)


def test_grayscale_is_a_fixed_point_and_has_the_luma_of_the_data():
    images = torch.rand(1, 3, 4, 4)
    gray = to_grayscale(images)
    assert torch.allclose(to_grayscale(gray), gray, atol=1e-6)
    assert LUMA == DATA_LUMA


def test_with_luma_of_keeps_luma_and_hue_within_the_range():
    images, sources = torch.rand(2, 4, 3, 16, 16, dtype=torch.float64) * 2 - 1
    out = with_luma_of(images, sources)
    assert out.abs().max() <= 1 + 1e-12
    assert torch.allclose(to_grayscale(out), to_grayscale(sources), atol=1e-12)
    before, after = images - to_grayscale(images), out - to_grayscale(out)
    factor = (before * after).sum(1) / (before * before).sum(1)
    assert (
        torch.allclose(after, factor[:, None] * before, atol=1e-12) and (factor >= 0).all() and factor.max() < 1 + 1e-12
    )
    # Whole where it fits; else one channel is at the end of the range.
    whole = to_grayscale(sources) + before
    fits = (whole.abs() <= 1).all(1)
    assert 0.1 < fits.double().mean() < 0.9
    assert torch.allclose(factor[fits], torch.ones(1, dtype=torch.float64))
    assert torch.allclose(out.abs().amax(1)[~fits], torch.ones(1, dtype=torch.float64))


def test_with_luma_of_changes_nothing_where_the_luma_is_right_and_takes_the_color_from_black_and_white():
    images = torch.rand(1, 3, 8, 8, dtype=torch.float64) * 2 - 1
    assert torch.allclose(with_luma_of(images, images), images, atol=1e-12)
    for end in (-1.0, 1.0):
        assert torch.equal(with_luma_of(images.float(), torch.full((1, 3, 8, 8), end)), torch.full((1, 3, 8, 8), end))


def test_with_luma_of_has_the_gradient_of_finite_differences_where_a_clamp_has_none():
    sources = torch.rand(2, 3, 3, 3, dtype=torch.float64) * 1.6 - 0.8
    images = (torch.rand(2, 3, 3, 3, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert torch.autograd.gradcheck(with_luma_of, (images, sources))
    bright = torch.tensor([1.0, 0.9, -1.0], dtype=torch.float64).view(1, 3, 1, 1).requires_grad_()  # yellow, on white
    out = with_luma_of(bright, torch.full((1, 3, 1, 1), 0.9, dtype=torch.float64))
    out[0, 1].sum().backward()
    assert out[0, 1] < 1 and bright.grad.abs().max() > 0 and bright.grad.isfinite().all()


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_with_luma_of_has_finite_gradients_at_gray_black_and_white(value):
    images = torch.full((1, 3, 2, 2), value, requires_grad=True)
    with_luma_of(images, torch.full((1, 3, 2, 2), value)).sum().backward()
    assert images.grad.isfinite().all()


def test_luma_out_of_range_has_the_values_computed_by_hand():
    images = torch.zeros(2, 3, 1, 4, dtype=torch.float64)
    images[0, :, 0] = torch.tensor([1.0, -0.75, 0.5, 0.2])  # grays: 0.5 and 0.25 beyond, two within
    images[1, 0, 0, 0], images[1, 1, 0, 1] = 1, -1  # luma 0.299, and -0.587: 0.087 beyond
    assert luma_out_of_range(images).tolist() == pytest.approx([0.75 / 4, 0.087 / 4])
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(luma_out_of_range(images).sum(), images)
    luma = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    assert torch.allclose(gradient[0, :, 0, 0], luma / 4) and torch.allclose(gradient[0, :, 0, 1], -luma / 4)
    assert gradient[0, :, 0, 3].abs().max() == 0
