"""Images are scaled as Pillow scales those of training."""

import numpy as np
import pytest
import pyvips
from PIL import Image
from skimage import data

from inference.resize import resize


def both(image: np.ndarray, height: int, width: int, kernel: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what libvips and what Pillow make of an image of floats."""
    method = {"cubic": Image.BICUBIC, "linear": Image.BILINEAR}[kernel]
    ours = resize(pyvips.Image.new_from_array(image), width, height, kernel).numpy().reshape(height, width)
    return ours, np.asarray(Image.fromarray(image).resize((width, height), method))


@pytest.mark.parametrize(("kernel", "tolerance"), [("linear", 1e-5), ("cubic", 0.02)])  # libvips rounds cubic weights
def test_enlarging_is_that_of_pillow(kernel, tolerance):
    random = np.random.default_rng(0)
    for height, width, factor in [(1, 1, 5), (2, 7, 3), (30, 41, 1.1), (64, 50, 1.5), (20, 33, 20)]:
        image = random.random((height, width), np.float32)
        if kernel == "cubic":  # beyond the border, Pillow leaves weights out and libvips repeats the last pixel
            image = np.pad(image, 8, mode="edge")
            height, width = image.shape
        ours, expected = both(image, round(height * factor), round(width * factor), kernel)
        assert np.abs(ours - expected).max() < tolerance, (height, width, factor)


@pytest.mark.parametrize(("side", "mean"), [(400, 0.1), (200, 0.15), (100, 0.4), (50, 1)])
def test_reducing_a_photograph_is_nearly_that_of_pillow(side, mean):
    ours, expected = both(data.camera().astype(np.float32), side, side, "cubic")
    assert np.abs(ours - expected).mean() < mean  # of 255


@pytest.mark.parametrize("size", [(100, 100), (53, 88), (17, 200), (150, 140), (10, 10)])
def test_scaling_keeps_every_place_where_it_is(size):
    height, width = size
    rows, columns = np.mgrid[:120, :130].astype(np.float32)
    for ramp in (rows / 120, columns / 130):
        ours, expected = both(ramp, height, width, "cubic")
        inside = (slice(height // 8, -height // 8), slice(width // 8, -width // 8))  # borders repeat the last pixel
        assert np.abs(ours - expected)[inside].max() < 2e-3
