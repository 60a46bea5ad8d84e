"""Two folders of pictures that have nothing to do with each other."""

import random
from argparse import Namespace
from itertools import chain
from pathlib import Path

from data.base_dataset import BaseDataset, get_transform
from data.image_folder import make_dataset
from util.util import copyconf


def domain_folder(dataroot: str | Path, phase: str, domain: str) -> Path:
    """Return DATAROOT/PHASEDOMAIN; as upstream, val stands in for a missing test."""
    root = Path(dataroot)
    if phase == "test" and not (root / f"test{domain}").exists() and (root / f"val{domain}").exists():
        phase = "val"
    return root / f"{phase}{domain}"


class UnalignedDataset(BaseDataset):
    """PHASEA and PHASEB below the data root; an epoch is as long as the larger of the two.

    In a test only the source folder of `--direction` is read, each picture once.
    """

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        source = "A" if opt.direction == "AtoB" else "B"
        domains = "AB" if opt.isTrain else source
        self.paths = {domain: make_dataset(self._folder(domain), opt.max_dataset_size) for domain in domains}
        self.decayed = copyconf(opt, load_size=opt.crop_size)
        self.cache_pictures(chain.from_iterable(self.paths.values()), opt, self.decayed)

    def _folder(self, domain: str) -> Path:
        return domain_folder(self.opt.dataroot, self.opt.phase, domain)

    def describe(self) -> str:
        """Return the folders read and how many pictures each holds."""
        return ", ".join(f"{self._folder(domain).name} {len(paths)}" for domain, paths in self.paths.items())

    def __len__(self) -> int:
        return max(len(paths) for paths in self.paths.values())

    def __getitem__(self, index: int) -> dict:
        treatment = self._treatment()
        transform = get_transform(treatment)
        item = {}
        for domain, paths in self.paths.items():
            # The partner is drawn at random, so that no fixed pairs form.
            random_partner = domain == "B" and len(self.paths) == 2 and not self.opt.serial_batches
            path = random.choice(paths) if random_partner else paths[index % len(paths)]
            item[domain], item[f"{domain}_paths"] = transform(self.read_scaled(path, treatment)), path
        return item

    def _treatment(self) -> Namespace:
        """As in CUT: once the learning rate decays, pictures are no longer scaled up before the crop."""
        if self.opt.isTrain and self.current_epoch > self.opt.n_epochs:
            return self.decayed
        return self.opt
