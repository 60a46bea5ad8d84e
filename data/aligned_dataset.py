"""Pairs of images, each pair side by side in one file: A on the left, B on the right."""

from argparse import Namespace
from pathlib import Path

from data.base_dataset import BaseDataset
from data.transforms import get_params, get_transform
from util.util import copyconf


class AlignedDataset(BaseDataset):
    """The pairs in DATAROOT/PHASE. Both halves are scaled, cropped and flipped alike."""

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.paths = self.find_images(Path(opt.dataroot) / opt.phase)
        self.whole = copyconf(opt, preprocess="none")  # the halves are scaled, not the pair
        self.cache_images(self.paths, self.whole)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        pair = self.read_scaled(path, self.whole)
        middle = pair.width // 2
        transform = get_transform(self.opt, get_params(self.opt, (middle, pair.height)))
        A = transform(pair.crop((0, 0, middle, pair.height)))
        B = transform(pair.crop((middle, 0, 2 * middle, pair.height)))
        return {"A": A, "B": B, "A_paths": path, "B_paths": path}
