"""Gray images of any folder, and one style image in crops of random size."""

import argparse
import random
from argparse import Namespace
from pathlib import Path

import torch
from PIL import Image

from data.base_dataset import BaseDataset
from data.grayscale_unaligned_dataset import GrayscaleUnalignedDataset, luma
from data.transforms import get_transform
from util.errors import UsageError, UserError
from util.util import copyconf, source_and_style

_LEAST_ITEMS = 200  # in an epoch
_HELD_OUT = 0.2  # of the longer side
_LEAST_SIDE = 5  # pixels of the style image, so that a row of them can be held out


class SingleStyleDataset(BaseDataset):
    """The images below the data root in gray, or the one image that it is; in training also crops of --style.

    A crop is a square window whose side is between 1 / --random_scale_max and all of the shorter side of the style
    image, scaled to crop_size. Small windows are as probable as large ones: the logarithm of the side is uniform.
    With --val_freq a fifth of the longer side is `held_out`: no crop shows it.
    """

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add --style."""
        parser = GrayscaleUnalignedDataset.modify_commandline_options(parser, is_train)
        parser.add_argument("--style", help="for training: the image whose colors are learned")
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.source, self.style_domain = source_and_style(opt)
        if opt.isTrain:
            self._open_style()
        self.paths = [str(opt.dataroot)] if Path(opt.dataroot).is_file() else self.find_images(opt.dataroot)
        self.transform = get_transform(opt)
        self.cache_images(self.paths, opt)

    def _open_style(self) -> None:
        opt = self.opt
        if not opt.style:
            raise UsageError("--style is missing: the image whose colors are learned")
        if not Path(opt.style).is_file():
            raise UsageError(f"--style {opt.style}: no such file")
        style = self.read(opt.style)
        if min(style.size) < _LEAST_SIDE:
            raise UserError(
                f"--style {opt.style} has {style.width}x{style.height} pixels, too few to learn colors from"
            )
        # The largest size that a crop shows: no window is smaller than a crop.
        factor = opt.crop_size * opt.random_scale_max / min(style.size)
        if factor < 1:
            style = style.resize([max(1, round(side * factor)) for side in style.size], Image.Resampling.BICUBIC)
        if opt.val_freq > 0:
            style, rest = _split(style)
            self.held_out = _tiles(style, min(rest.size)), _tiles(rest, min(rest.size))
        self.style, self.crop_transform = style, get_transform(copyconf(opt, preprocess="none"))

    def describe(self) -> str:
        """Return the folders read and the number of images in each."""
        style = f", style {self.opt.style}" if self.opt.isTrain else ""
        return f"{self.opt.dataroot} {len(self.paths)}{style}"

    def __len__(self) -> int:
        if not self.opt.isTrain:
            return len(self.paths)
        return int(min(self.opt.max_dataset_size, max(_LEAST_ITEMS, len(self.paths))))

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index % len(self.paths)]
        item = {self.source: luma(self.transform(self.read_scaled(path, self.opt))), f"{self.source}_paths": path}
        if self.opt.isTrain:
            item[self.style_domain], item[f"{self.style_domain}_paths"] = self._crop(), self.opt.style
        return item

    def _crop(self) -> torch.Tensor:
        largest = min(self.style.size)
        side = largest * self.opt.random_scale_max ** -random.random()
        left, top = (random.uniform(0, length - side) for length in self.style.size)
        size = self.opt.crop_size
        crop = self.style.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
        return self.crop_transform(crop)


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return an image without the last fifth of its longer side, and that fifth."""
    w, h = image.size
    cut = max(w, h) - round(_HELD_OUT * max(w, h))
    kept, rest = ((0, 0, cut, h), (cut, 0, w, h)) if w >= h else ((0, 0, w, cut), (0, cut, w, h))
    return image.crop(kept), image.crop(rest)


def _tiles(image: Image.Image, side: int) -> list[Image.Image]:
    """Return the square tiles of an image, as many as fit, centered."""
    columns, rows = (length // side for length in image.size)
    left, top = ((length - count * side) // 2 for length, count in zip(image.size, (columns, rows), strict=True))
    corners = [(left + side * column, top + side * row) for row in range(rows) for column in range(columns)]
    return [image.crop((x, y, x + side, y + side)) for x, y in corners]
