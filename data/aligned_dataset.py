"""Pairs of pictures, each pair side by side in one file: A on the left, B on the right."""

import random
from argparse import Namespace
from pathlib import Path

from data.base_dataset import BaseDataset, get_transform
from data.image_folder import make_dataset
from util.util import copyconf


class AlignedDataset(BaseDataset):
    """The pairs in DATAROOT/PHASE; both halves are scaled, cropped and flipped alike."""

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.paths = make_dataset(Path(opt.dataroot) / opt.phase, opt.max_dataset_size)
        self.transform = get_transform(opt)
        self.whole = copyconf(opt, preprocess="none")  # a pair is not scaled: its halves are
        self.cache_pictures(self.paths, self.whole)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        pair = self.read_scaled(path, self.whole)
        middle = pair.width // 2
        before = random.getstate()
        A = self.transform(pair.crop((0, 0, middle, pair.height)))
        random.setstate(before)  # what is random in the treatment comes out the same
        B = self.transform(pair.crop((middle, 0, 2 * middle, pair.height)))
        return {"A": A, "B": B, "A_paths": path, "B_paths": path}
