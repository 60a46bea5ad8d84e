"""The base class of all datasets."""

import argparse
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch.utils.data
from PIL import Image

from data.image_cache import ImageCache, cache_if_it_fits
from data.image_folder import make_dataset
from data.image_reader import BadImageError, read_image, stored_size
from data.transforms import check_crop, get_params, get_transform, scale
from util.errors import UserError, warn

__all__ = ["BaseDataset", "get_params", "get_transform"]  # datasets from a CUT checkout import all three from here


class BaseDataset(torch.utils.data.Dataset, ABC):
    """A folder of images; subclasses define what one item is."""

    def __init__(self, opt: Namespace):
        self.opt = opt
        self.root = opt.dataroot
        self.current_epoch = 0
        self.cache: ImageCache | None = None
        self.sizes: dict[str, tuple[int, int]] = {}  # (width, height) of files by path, in training
        # With --val_freq: style images that are in training, and others that are not.
        self.held_out: tuple[Iterable[Image.Image], Iterable[Image.Image]] | None = None

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add flags, or change defaults, for this dataset."""
        return parser

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items in an epoch."""

    @abstractmethod
    def __getitem__(self, index: int) -> dict:
        """Return images (3, H, W) in [-1, 1] under A, B and their paths under A_paths, B_paths."""

    def describe(self) -> str:
        """Return the folders read and the number of images in each."""
        return f"{self.root} {len(self)}"

    def find_images(self, folder: str | Path) -> list[str]:
        """Return the paths of all images below a folder, sorted. In training the header of each file is read.

        Raises:
            UserError: if the folder has no image. In training also if it has a file that is not a readable image;
                with --on_bad_image skip such files are left out with a warning.
        """
        paths = make_dataset(folder, self.opt.max_dataset_size)
        if not self.opt.isTrain:
            return paths
        bad = []
        for path in paths:
            try:
                self.sizes[path] = stored_size(path, self.opt.max_megapixels)
            except BadImageError as error:
                bad.append(error)
        more = f" and {len(bad) - 1} more files are bad" if len(bad) > 1 else ""
        if bad and self.opt.on_bad_image == "error":
            raise UserError(f"{bad[0]}{more}; --on_bad_image skip leaves them out; python -m data.check lists them")
        paths = [path for path in paths if path in self.sizes]
        if bad:
            warn(f"warning: {bad[0]}{more}: left out")
        if not paths:
            raise UserError(f"no file in {folder} is a readable image")
        return paths

    def cache_images(self, paths: Iterable[str], *variants: Namespace) -> None:
        """In training, cache the results of `read_scaled` for these files, if `--cache` allows it and all fit.

        Raises:
            UsageError: if an image is too small to be cropped.
        Args:
            paths: from `find_images`, which has read their headers, or any others.
            variants: all options that `read_scaled` will be called with; they may differ in load_size only.
        """
        if not self.opt.isTrain:
            return
        sizes = {path: self.sizes.get(path) or stored_size(path, self.opt.max_megapixels) for path in paths}
        for path, size in sizes.items():
            for opt in variants:
                check_crop(size, opt, path)
        if self.opt.cache == "auto":
            self.cache = cache_if_it_fits(sizes, variants)

    def read_scaled(self, path: str, opt: Namespace) -> Image.Image:
        """Read an image as RGB, or take it from the cache, scaled as these options say."""
        image = self.cache and self.cache.get(path, opt.load_size)
        if image is None:
            image = scale(self.read(path), opt)
            if self.cache:
                self.cache.put(path, opt.load_size, image)
        return image

    def read_all(self, paths: Iterable[str]) -> Iterator[Image.Image]:
        """Read images as RGB; with --on_bad_image skip those that can be read."""
        for path in paths:
            try:
                yield self.read(path)
            except BadImageError:
                if self.opt.on_bad_image == "error":
                    raise

    def read(self, path: str) -> Image.Image:
        """Read an image as RGB, as the options say."""
        return read_image(path, self.opt.gray_range, self.opt.gray_stretch, self.opt.max_megapixels)
