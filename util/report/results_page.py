"""The results of a test: results/NAME/PHASE_EPOCH with images/VISUAL/FILE.png and index.html."""

import shutil
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

from util.report.html import Page
from util.util import save_image, tensor2im


class ResultsPage:
    """Writes every image, in the sub-folders of its source image, and a page that shows them."""

    def __init__(self, opt: Namespace, options: str, label: str | None = None):
        """Args: options: as text, for the page; label: name of the folder instead of PHASE_EPOCH."""
        self.opt = opt
        self.folder = Path(opt.results_dir) / opt.name / (label or f"{opt.phase}_{opt.epoch}")
        if (self.folder / "index.html").exists():
            print(f"replacing the earlier results in {self.folder}")
            shutil.rmtree(self.folder / "images", ignore_errors=True)
        self.page = Page(self.folder, f"{opt.name}: {self.folder.name}")
        self.page.add_details("options", options)
        self.taken: set[str] = set()  # names, in lower case
        self.count = 0

    def add(self, visuals: dict[str, torch.Tensor | np.ndarray], path: str) -> None:
        """Save the images made from the source image at `path`: (1, 3, H, W) in [-1, 1], or (H, W, 3) uint8."""
        name = self._unique_name(path)
        row = {}
        for visual, images in visuals.items():
            row[visual] = f"images/{visual}/{name}.png"
            array = images if isinstance(images, np.ndarray) else tensor2im(images)
            save_image(array, self.folder / row[visual])
        self.page.add_row(name, row, self.opt.display_winsize)
        self.count += 1

    def _unique_name(self, path: str) -> str:
        """Return the path below the data root without suffix, or another one if that name is taken."""
        source = Path(path)
        root = Path(self.opt.dataroot)
        inside = source.relative_to(root) if source.is_relative_to(root) else Path(source.name)
        folders = {f"{phase}{domain}" for phase in (self.opt.phase, "val") for domain in "AB"}
        if len(inside.parts) > 1 and inside.parts[0] in folders:
            inside = inside.relative_to(inside.parts[0])
        name = inside.with_suffix("").as_posix()
        if name.lower() in self.taken:
            name = f"{name}_{inside.suffix[1:]}"
        number = 2
        while name.lower() in self.taken:  # lower: on some file systems A and a are one
            name, number = f"{inside.with_suffix('').as_posix()}_{number}", number + 1
        self.taken.add(name.lower())
        return name

    def save(self) -> Path:
        """Write the page and return the folder."""
        self.page.save()
        return self.folder
