"""The results of a test: results/NAME/PHASE_EPOCH with images/VISUAL/FILE.png and index.html."""

import shutil
from argparse import Namespace
from pathlib import Path

import torch

from util.report.html import Page
from util.util import save_image, tensor2im


class Results:
    """Writes every picture, in the sub-folders of its source, and a page that shows them."""

    def __init__(self, opt: Namespace, options: str, label: str | None = None):
        """Args: options: as text, for the page; label: the folder's name instead of PHASE_EPOCH."""
        self.opt = opt
        self.folder = Path(opt.results_dir) / opt.name / (label or f"{opt.phase}_{opt.epoch}")
        if (self.folder / "index.html").exists():
            print(f"replacing the earlier results in {self.folder}")
            shutil.rmtree(self.folder / "images", ignore_errors=True)
        self.page = Page(self.folder, f"{opt.name}: {self.folder.name}")
        self.page.add_details("options", options)
        self.taken: set[str] = set()
        self.count = 0

    def add(self, visuals: dict[str, torch.Tensor], path: str) -> None:
        """Save the pictures made from the source picture at `path`."""
        name = self._unique_name(path)
        row = {}
        for visual, picture in visuals.items():
            row[visual] = f"images/{visual}/{name}.png"
            save_image(tensor2im(picture), self.folder / row[visual])
        self.page.add_row(name, row, self.opt.display_winsize)
        self.count += 1

    def _unique_name(self, path: str) -> str:
        """Return the source's place below the data root without its ending; kept where two would be the same."""
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
        while name.lower() in self.taken:  # lower: file systems may not tell A from a
            name, number = f"{inside.with_suffix('').as_posix()}_{number}", number + 1
        self.taken.add(name.lower())
        return name

    def save(self) -> Path:
        """Write the page and return the folder."""
        self.page.save()
        return self.folder
