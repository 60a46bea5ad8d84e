"""What all datasets share: the base class, and how a picture is scaled, cropped, flipped and made a tensor."""

import argparse
import random
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Iterable
from functools import partial

import torch
import torch.utils.data
import torchvision.transforms.functional as F
from PIL import Image
from torchvision import transforms

from data.image_reader import read_image
from data.image_cache import PictureCache, cache_if_it_fits
from data.transforms import resize, scale
from util.errors import UserError

# Step: what it does. Upstream's words, and rescale_shortside, which also scales down.
PREPROCESS_STEPS = {
    "resize": "to load_size x load_size",
    "crop": "a random crop_size x crop_size window",
    "scale_width": "width to load_size, aspect kept",
    "scale_shortside": "shorter side up to load_size if it is smaller",
    "rescale_shortside": "shorter side to load_size, aspect kept",
    "trim": "sides longer than crop_size cut to it",
}
_RANDOM_STEPS = {"crop", "trim", "rescale_shortside"}


class BaseDataset(torch.utils.data.Dataset, ABC):
    """A folder of pictures; subclasses say what one item is."""

    def __init__(self, opt: Namespace):
        self.opt = opt
        self.root = opt.dataroot
        self.current_epoch = 0
        self.cache: PictureCache | None = None

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add flags, or change defaults, for this dataset."""
        return parser

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items in an epoch."""

    @abstractmethod
    def __getitem__(self, index: int) -> dict:
        """Return pictures (3, H, W) in [-1, 1] under A, B and their paths under A_paths, B_paths."""

    def describe(self) -> str:
        """Return the folders read and how many pictures each holds."""
        return f"{self.root} {len(self)}"

    def read(self, path: str) -> Image.Image:
        """Read a picture as RGB, with the options' treatment of 16-bit grey."""
        return read_image(path, self.opt.gray_range, self.opt.gray_stretch)

    def cache_pictures(self, paths: Iterable[str], *treatments: Namespace) -> None:
        """In training, keep what `read_scaled` returns for these files, if `--cache` allows it and all fit.

        Args: treatments: all options that `read_scaled` will be called with; they may differ in load_size alone.
        """
        if self.opt.isTrain and self.opt.cache == "auto":
            self.cache = cache_if_it_fits(paths, treatments)

    def read_scaled(self, path: str, treatment: Namespace) -> Image.Image:
        """Read a picture, or take it from memory, scaled as these options say: `get_transform` scales it no more."""
        image = self.cache and self.cache.get(path, treatment.load_size)
        if image is None:
            image = scale(self.read(path), treatment)
            if self.cache:
                self.cache.put(path, treatment.load_size, image)
        return image


def check_preprocess(preprocess: str) -> None:
    """Raise a UserError for a value of --preprocess with an unknown step."""
    for step in preprocess.split("_and_"):
        if step not in PREPROCESS_STEPS and preprocess != "none":
            allowed = ", ".join(PREPROCESS_STEPS)
            raise UserError(f"--preprocess {preprocess}: '{step}' is none of {allowed}; join them by _and_, or none")


def without_random_steps(preprocess: str) -> str:
    """Return the part of a training's treatment that holds at test time: the whole picture is coloured."""
    kept = [step for step in preprocess.split("_and_") if step not in _RANDOM_STEPS]
    return "_and_".join(kept) or "none"


def get_transform(
    opt: Namespace,
    params: dict | None = None,
    grayscale: bool = False,
    method: int = Image.BICUBIC,
    convert: bool = True,
) -> transforms.Compose:
    """Build the treatment that `opt.preprocess` names.

    Args:
        params: {'crop_pos': (left, top), 'flip': bool} to fix what is otherwise random.
        grayscale: one luma channel instead of three.
        method: pillow's resampling filter.
        convert: end with a tensor (C, H, W) in [-1, 1]; else with a picture.
    """
    params = params or {}
    steps = opt.preprocess.split("_and_")
    chain: list = [transforms.Grayscale(1)] if grayscale else []
    chain.append(partial(scale, opt=opt, method=method))
    if "crop" in steps:
        chain.append(partial(_crop, size=opt.crop_size, position=params.get("crop_pos")))
    if "trim" in steps:
        chain.append(partial(_trim, size=opt.crop_size))
    if opt.isTrain:  # in a test the network pads instead, and no pixel is moved
        chain.append(partial(_to_multiple_of_4, method=method))
    if not opt.no_flip:
        chain.append(partial(_flip, flip=params.get("flip")))
    if convert:
        chain += [transforms.ToTensor(), _to_signed]
    return transforms.Compose(chain)


def _crop(image: Image.Image, size: int, position: tuple[int, int] | None) -> Image.Image:
    w, h = image.size
    if position is None:
        if w < size or h < size:
            raise UserError(f"a picture of {w}x{h} is smaller than --crop_size {size}; raise --load_size to it")
        position = random.randint(0, w - size), random.randint(0, h - size)
    left, top = position
    return image.crop((left, top, min(left + size, w), min(top + size, h)))


def _trim(image: Image.Image, size: int) -> Image.Image:
    w, h = image.size
    left, top = random.randint(0, max(0, w - size)), random.randint(0, max(0, h - size))
    return image.crop((left, top, min(left + size, w), min(top + size, h)))


def _to_multiple_of_4(image: Image.Image, method: int) -> Image.Image:
    return resize(image, tuple(max(4, round(side / 4) * 4) for side in image.size), method)


def _flip(image: Image.Image, flip: bool | None) -> Image.Image:
    flip = random.random() < 0.5 if flip is None else flip
    return F.hflip(image) if flip else image


def _to_signed(tensor: torch.Tensor) -> torch.Tensor:
    return tensor * 2 - 1
