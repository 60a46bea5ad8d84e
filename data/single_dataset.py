"""One folder of pictures."""

import argparse
from argparse import Namespace

from data.base_dataset import BaseDataset, get_transform
from data.grayscale_unaligned_dataset import luma
from data.image_folder import make_dataset
from util.util import str2bool


class SingleDataset(BaseDataset):
    """The pictures below the data root itself, as the source domain."""

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add whether the pictures are greyed."""
        parser.add_argument("--gray", type=str2bool, nargs="?", const=True, default=False,
                            help="grey the pictures; restored as True for a run trained on grey ones")  # fmt: skip
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.paths = make_dataset(opt.dataroot, opt.max_dataset_size)
        self.transform = get_transform(opt)
        self.cache_pictures(self.paths, opt)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        domain = "A" if self.opt.direction == "AtoB" else "B"
        image = self.transform(self.read_scaled(path, self.opt))
        return {domain: luma(image) if self.opt.gray else image, f"{domain}_paths": path}
