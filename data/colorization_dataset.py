"""Pairs made from color images: gray, and the image itself."""

import argparse
from argparse import Namespace
from pathlib import Path

from data.base_dataset import BaseDataset
from data.grayscale_unaligned_dataset import GrayscaleUnalignedDataset, luma
from data.transforms import get_transform
from data.unaligned_dataset import domain_folder
from util.util import source_and_style


class ColorizationDataset(BaseDataset):
    """One folder of color images: DATAROOT/PHASE if it exists, else that of the style, such as trainB.

    The source domain of `--direction` is the luma of an image in all three channels, the other domain is the image.
    """

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Use whole images and keep their aspect, as the unpaired gray data does that this is compared with."""
        return GrayscaleUnalignedDataset.modify_commandline_options(parser, is_train)

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.source, self.style = source_and_style(opt)
        own = Path(opt.dataroot) / opt.phase
        self.folder = own if own.is_dir() else domain_folder(opt.dataroot, opt.phase, self.style)
        self.paths = self.find_images(self.folder)
        self.transform = get_transform(opt)
        self.cache_images(self.paths, opt)

    def describe(self) -> str:
        """Return the folder read and the number of images in it."""
        return f"{self.folder.name} {len(self)}"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        image = self.transform(self.read_scaled(path, self.opt))
        return {self.source: luma(image), self.style: image, "A_paths": path, "B_paths": path}
