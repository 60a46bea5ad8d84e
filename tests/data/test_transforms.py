"""A picture that is scaled stays as it is when it is scaled again, whatever its size: what the cache rests on."""

import random
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

from data.transforms import scale, scaled_size

STEPS = ["none", "crop", "resize", "scale_width", "scale_shortside", "rescale_shortside", "rescale_shortside_and_crop"]


@pytest.mark.parametrize("preprocess", STEPS)
def test_scaling_twice_is_scaling_once(preprocess):
    for _ in range(3000):
        opt = Namespace(preprocess=preprocess, load_size=random.randint(1, 400), crop_size=random.randint(1, 400))
        size = random.randint(1, 5000), random.randint(1, 5000)
        once = scaled_size(size, opt)
        assert scaled_size(once, opt) == once, (size, opt)


@pytest.mark.parametrize(
    ("preprocess", "size"),
    [
        ("none", (90, 61)), ("resize", (40, 40)), ("scale_width", (40, 32)), ("scale_shortside", (90, 61)),
        ("rescale_shortside", (59, 40)),
    ],
)  # fmt: skip
def test_a_picture_gets_the_size_announced_and_is_not_touched_again(preprocess, size):
    opt = Namespace(preprocess=preprocess, load_size=40, crop_size=32)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8))
    scaled = scale(picture, opt)
    assert scaled.size == scaled_size(picture.size, opt) == size
    assert scale(scaled, opt) is scaled
