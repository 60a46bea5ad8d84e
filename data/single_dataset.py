"""One folder of images."""

import argparse
from argparse import Namespace

from data.base_dataset import BaseDataset
from data.grayscale_unaligned_dataset import luma
from data.transforms import get_transform
from util.util import source_and_style, str2bool


class SingleDataset(BaseDataset):
    """The images below the data root itself, as the source domain."""

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add --gray."""
        parser.add_argument("--gray", type=str2bool, nargs="?", const=True, default=False,
                            help="make the images gray; a run trained on gray images restores it")  # fmt: skip
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.paths = self.find_images(opt.dataroot)
        self.transform = get_transform(opt)
        self.cache_images(self.paths, opt)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        source, _ = source_and_style(self.opt)
        image = self.transform(self.read_scaled(path, self.opt))
        return {source: luma(image) if self.opt.gray else image, f"{source}_paths": path}
