"""Scale, crop, flip and convert an image, as --preprocess says."""

import random
from argparse import Namespace
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from PIL import Image

from data.preprocess import scaled_size
from util.errors import UsageError


def scale(image: Image.Image, opt: Namespace, method: int = Image.BICUBIC) -> Image.Image:
    """Scale an image as `opt.preprocess` says. An image that is scaled already is returned unchanged."""
    return _resize(image, scaled_size(image.size, opt), method)


def check_crop(size: tuple[int, int], opt: Namespace, name: str) -> None:
    """Raise a UsageError if an image of (width, height), when scaled, is too small to be cropped. Args: name: its."""
    w, h = scaled_size(size, opt)
    if "crop" in opt.preprocess.split("_and_") and min(w, h) < opt.crop_size:
        raise UsageError(f"--crop_size {opt.crop_size}: {name} is {w}x{h} when it is scaled; raise --load_size")


def get_params(opt: Namespace, size: tuple[int, int]) -> dict:
    """Draw crop and flip for an image of (width, height), to treat several images alike.

    Raises:
        UsageError: if the scaled image is smaller than --crop_size.
    """
    steps, params = opt.preprocess.split("_and_"), {}
    check_crop(size, opt, "an image")
    w, h = scaled_size(size, opt)
    if "crop" in steps:
        params["crop_pos"] = random.randint(0, w - opt.crop_size), random.randint(0, h - opt.crop_size)
        w = h = opt.crop_size
    if "trim" in steps:
        params["trim_pos"] = random.randint(0, max(0, w - opt.crop_size)), random.randint(0, max(0, h - opt.crop_size))
    if not opt.no_flip:
        params["flip"] = random.random() < 0.5
    return params


def get_transform(
    opt: Namespace,
    params: dict | None = None,
    grayscale: bool = False,
    method: int = Image.BICUBIC,
    convert: bool = True,
) -> Callable[[Image.Image], torch.Tensor | Image.Image]:
    """Return the transform of an image that `opt.preprocess` names.

    Args:
        params: what `get_params` drew; None = draw for each image.
        grayscale: one luma channel instead of three.
        method: Pillow's resampling filter.
        convert: end with a tensor (C, H, W) in [-1, 1]; else with an image.
    """
    return partial(_transform, opt=opt, params=params, grayscale=grayscale, method=method, convert=convert)


def _transform(
    image: Image.Image, opt: Namespace, params: dict | None, grayscale: bool, method: int, convert: bool
) -> torch.Tensor | Image.Image:
    image = scale(image.convert("L") if grayscale else image, opt, method)
    image = _crop_and_flip(image, opt, params, method)
    return _to_tensor(image) if convert else image


def _crop_and_flip(image: Image.Image, opt: Namespace, params: dict | None, method: int) -> Image.Image:
    params = {**get_params(opt, image.size), **(params or {})}
    for position in ("crop_pos", "trim_pos"):
        if position in params:
            left, top = params[position]
            w, h = image.size
            image = image.crop((left, top, min(left + opt.crop_size, w), min(top + opt.crop_size, h)))
    if opt.isTrain:  # at test time the network pads instead, so that no pixel moves
        image = _resize(image, tuple(max(4, round(side / 4) * 4) for side in image.size), method)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if params.get("flip") else image


def _resize(image: Image.Image, size: tuple[int, int], method: int) -> Image.Image:
    return image if image.size == size else image.resize(size, method)


def _to_tensor(image: Image.Image) -> torch.Tensor:
    """Return an image of 8 bits, in RGB or gray, as a tensor (C, H, W) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(image)).view(image.height, image.width, -1)
    return pixels.permute(2, 0, 1).contiguous().float().div(255).mul(2).sub(1)
