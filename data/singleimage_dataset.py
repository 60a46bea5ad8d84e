"""One source image and one style image, in crops of random size."""

import random
from argparse import Namespace

import numpy as np
from PIL import Image

from data.base_dataset import BaseDataset
from data.transforms import get_transform
from data.unaligned_dataset import domain_folder
from util.errors import UsageError
from util.util import copyconf, source_and_style

_CROPS = 100_000  # in an epoch, as in CUT


class SingleimageDataset(BaseDataset):
    """The one image of PHASEA and the one of PHASEB below the data root.

    In training an item is a crop of each: a window of crop_size in the image scaled to between
    1 / --random_scale_max and 1 of its size, width and height independently. In a test it is the whole source image:
    that of trainA if there is no testA.
    """

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        if opt.isTrain and opt.preprocess != "zoom_and_patch":
            raise UsageError(f"--preprocess {opt.preprocess}: --dataset_mode singleimage takes zoom_and_patch")
        self.source, style = source_and_style(opt)
        domains = (self.source, style) if opt.isTrain else (self.source,)
        self.paths = {domain: self._find(domain) for domain in domains}
        self.images = {domain: self.read(path) for domain, path in self.paths.items()}
        self.transform = get_transform(copyconf(opt, preprocess="none"))

    def _find(self, domain: str) -> str:
        folder = domain_folder(self.opt.dataroot, self.opt.phase, domain)
        if not self.opt.isTrain and not folder.is_dir():
            folder = domain_folder(self.opt.dataroot, "train", domain)
        paths = self.find_images(folder)
        if len(paths) != 1:
            raise UsageError(f"--dataset_mode singleimage: {folder} has {len(paths)} images; expected one")
        return paths[0]

    def describe(self) -> str:
        """Return the names of the images and their sizes."""
        return ", ".join(
            f"{path} {'x'.join(map(str, self.images[domain].size))}" for domain, path in self.paths.items()
        )

    def __len__(self) -> int:
        return _CROPS if self.opt.isTrain else 1

    def __getitem__(self, index: int) -> dict:
        item = {}
        for domain, image in self.images.items():
            item[domain] = self.transform(self._crop(image) if self.opt.isTrain else image)
        return {**item, **{f"{domain}_paths": path for domain, path in self.paths.items()}}

    def _crop(self, image: Image.Image) -> Image.Image:
        size, smallest = self.opt.crop_size, 1 / self.opt.random_scale_max
        zooms = [np.clip(random.uniform(smallest, 1.0), size / side, None) for side in image.size]
        window = [size / zoom for zoom in zooms]
        left, top = (random.uniform(0, side - length) for side, length in zip(image.size, window, strict=True))
        box = (left, top, left + window[0], top + window[1])
        return image.resize((size, size), Image.Resampling.BILINEAR, box)
