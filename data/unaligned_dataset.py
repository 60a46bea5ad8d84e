"""Two folders of unpaired images."""

import random
from argparse import Namespace
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from data.base_dataset import BaseDataset
from data.transforms import get_transform
from util.errors import UsageError
from util.util import copyconf, source_and_style


def domain_folder(dataroot: str | Path, phase: str, domain: str) -> Path:
    """Return DATAROOT/PHASEDOMAIN; as in CUT, val replaces a missing test."""
    root = Path(dataroot)
    if phase == "test" and not (root / f"test{domain}").exists() and (root / f"val{domain}").exists():
        phase = "val"
    return root / f"{phase}{domain}"


def hold_out(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files to train on, and every tenth file, which is held out."""
    return [path for number, path in enumerate(paths) if number % 10], list(paths[::10])


class UnalignedDataset(BaseDataset):
    """PHASEA and PHASEB below the data root. An epoch is as long as the larger of the two.

    At test time only the source folder of `--direction` is read, each image once. With `--val_freq` a tenth of the
    style images are `held_out`.
    """

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        domains = "AB" if opt.isTrain else source_and_style(opt)[0]
        self.paths = {domain: self.find_images(self._folder(domain)) for domain in domains}
        if opt.isTrain and opt.val_freq > 0:
            style = source_and_style(opt)[1]
            self.paths[style], others = hold_out(self.paths[style])
            self.held_out = self.read_all(self.paths[style]), self.read_all(others)
            if not self.paths[style]:
                raise UsageError(f"--val_freq holds out a tenth of the style images; {self._folder(style)} has too few")
        self.decayed = copyconf(opt, load_size=opt.crop_size)
        self.cache_images(chain.from_iterable(self.paths.values()), opt, self.decayed)

    def _folder(self, domain: str) -> Path:
        return domain_folder(self.opt.dataroot, self.opt.phase, domain)

    def describe(self) -> str:
        """Return the folders read and the number of images in each."""
        return ", ".join(f"{self._folder(domain).name} {len(paths)}" for domain, paths in self.paths.items())

    def __len__(self) -> int:
        return max(len(paths) for paths in self.paths.values())

    def __getitem__(self, index: int) -> dict:
        opt = self._current_options()
        transform = get_transform(opt)
        item = {}
        for domain, paths in self.paths.items():
            # The partner is drawn at random, so that no fixed pairs form.
            random_partner = domain == "B" and len(self.paths) == 2 and not self.opt.serial_batches
            path = random.choice(paths) if random_partner else paths[index % len(paths)]
            item[domain], item[f"{domain}_paths"] = transform(self.read_scaled(path, opt)), path
        return item

    def _current_options(self) -> Namespace:
        """Return the options of this epoch. As in CUT, load_size is crop_size after n_epochs epochs."""
        if self.opt.isTrain and self.current_epoch > self.opt.n_epochs:
            return self.decayed
        return self.opt
