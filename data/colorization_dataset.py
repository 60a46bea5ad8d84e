"""Pairs made from colour pictures: grey, and the picture itself."""

import argparse
from argparse import Namespace
from pathlib import Path

from data.base_dataset import BaseDataset, get_transform
from data.grayscale_unaligned_dataset import GrayscaleUnalignedDataset, luma
from data.image_folder import make_dataset
from data.unaligned_dataset import domain_folder


class ColorizationDataset(BaseDataset):
    """One folder of colour pictures: DATAROOT/PHASE where it is there, else that of the style, as trainB.

    The source of `--direction` is the picture as one luma channel replicated to three, the other domain the picture.
    """

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Whole pictures, aspect kept, as for the unpaired grey data they are compared with."""
        return GrayscaleUnalignedDataset.modify_commandline_options(parser, is_train)

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.source, self.style = ("A", "B") if opt.direction == "AtoB" else ("B", "A")
        own = Path(opt.dataroot) / opt.phase
        self.folder = own if own.is_dir() else domain_folder(opt.dataroot, opt.phase, self.style)
        self.paths = make_dataset(self.folder, opt.max_dataset_size)
        self.transform = get_transform(opt)
        self.cache_pictures(self.paths, opt)

    def describe(self) -> str:
        """Return the folder read and how many pictures it holds."""
        return f"{self.folder.name} {len(self)}"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        image = self.transform(self.read_scaled(path, self.opt))
        return {self.source: luma(image), self.style: image, "A_paths": path, "B_paths": path}
