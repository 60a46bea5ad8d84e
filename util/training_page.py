"""The page of a training run: checkpoints/NAME/web/index.html, newest epoch first."""

from argparse import Namespace
from pathlib import Path

import torch

from util.html import Page
from util.util import save_image, tensor2im


class TrainingPage:
    """Keeps one set of pictures an epoch and lists them all."""

    def __init__(self, opt: Namespace):
        self.opt = opt
        self.folder = Path(opt.checkpoints_dir) / opt.name / "web"
        self.epoch_of_last_update = 0

    def update(self, epoch: int, visuals: dict[str, torch.Tensor], losses: dict[str, float]) -> None:
        """Save the pictures of this epoch, in place of earlier ones of the same epoch, and write the page."""
        images = self.folder / "images"
        for name, picture in visuals.items():
            save_image(tensor2im(picture), images / f"epoch{epoch:03d}_{name}.png")
        page = Page(self.folder, f"{self.opt.name}: training")
        page.add_note("losses, unweighted: " + ", ".join(f"{name} {value:.3f}" for name, value in losses.items()))
        names = list(visuals)
        for number in range(epoch, 0, -1):
            row = {name: f"images/epoch{number:03d}_{name}.png" for name in names}
            row = {name: path for name, path in row.items() if (self.folder / path).is_file()}
            if row:
                page.add_row(f"epoch {number}", row, self.opt.display_winsize)
        page.save()
        self.epoch_of_last_update = epoch
