"""Scaling and cropping. Scaling an image twice is scaling it once, whatever its size: the image cache relies on it."""

import random
from argparse import Namespace

import pytest
import torch
from PIL import Image

from data.preprocess import scaled_size
from data.transforms import get_transform, scale
from tests.helpers.images import noise

STEPS = ["none", "crop", "resize", "scale_width", "scale_shortside", "rescale_shortside", "rescale_shortside_and_crop"]


@pytest.mark.parametrize("preprocess", STEPS)
def test_scaled_size_is_kept_when_scaled_again(preprocess):
    for _ in range(3000):
        opt = Namespace(preprocess=preprocess, load_size=random.randint(1, 400), crop_size=random.randint(1, 400))
        size = random.randint(1, 5000), random.randint(1, 5000)
        once = scaled_size(size, opt)
        assert scaled_size(once, opt) == once, (size, opt)


@pytest.mark.parametrize(("preprocess", "size"), {
    "none": (90, 61), "resize": (40, 40), "scale_width": (40, 32), "scale_shortside": (90, 61),
    "rescale_shortside": (59, 40),
}.items())  # fmt: skip
def test_scale_returns_the_scaled_size_and_leaves_such_an_image_alone(preprocess, size):
    opt = Namespace(preprocess=preprocess, load_size=40, crop_size=32)
    image = Image.fromarray(noise(61, 90))
    scaled = scale(image, opt)
    assert scaled.size == scaled_size(image.size, opt) == size
    assert scale(scaled, opt) is scaled


@pytest.mark.parametrize(("preprocess", "height", "width"), [
    ("resize_and_crop", 32, 32), ("resize", 64, 64), ("crop", 32, 32), ("scale_width", 56, 64),
    ("scale_width_and_crop", 32, 32), ("scale_shortside", 64, 72), ("rescale_shortside_and_crop", 32, 32),
    ("trim", 32, 32), ("none", 40, 48),  # sides that are not multiples of 4 become one
])  # fmt: skip
def test_transform_returns_the_size_of_its_words(preprocess, height, width):
    opt = Namespace(preprocess=preprocess, load_size=64, crop_size=32, no_flip=False, isTrain=True)
    image = Image.fromarray(noise(40, 46))
    assert get_transform(opt)(image).shape == (3, height, width)


@pytest.mark.parametrize("grayscale", [False, True])
def test_transform_has_the_numbers_of_torchvision(grayscale):
    module = pytest.importorskip("torchvision.transforms", reason="torchvision is not installed")
    opt = Namespace(preprocess="crop", load_size=40, crop_size=32, no_flip=False, isTrain=True)
    image = Image.fromarray(noise(61, 90))
    steps = [module.Lambda(lambda one: one.crop((5, 7, 37, 39))), module.RandomHorizontalFlip(1), module.ToTensor()]
    steps += [module.Lambda(lambda one: one * 2 - 1)]
    expected = module.Compose([module.Grayscale(1), *steps] if grayscale else steps)(image)
    assert torch.equal(get_transform(opt, {"crop_pos": (5, 7), "flip": True}, grayscale)(image), expected)
