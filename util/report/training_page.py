"""The page of a training run: checkpoints/NAME/web/index.html, newest epoch first."""

from collections.abc import Sequence
from pathlib import Path

import torch

from util.report.curves import charts_of
from util.report.html import Page
from util.util import save_image, tensor2im

_EPOCHS = 20  # on a page; older ones have pages of their own, each written once


class TrainingPage:
    """Shows curves, options, and the images of the latest epochs. An update takes the same time in any epoch."""

    def __init__(self, folder: Path, name: str, options: str, width: int, records: Sequence[dict]):
        """Open nothing yet.

        Args:
            name: of the run.
            options: as text.
            width: of images, in pixels.
            records: those of metrics.jsonl, in a list that training appends to.
        """
        self.folder, self.name, self.options, self.width, self.records = folder, name, options, width, records
        self.epoch_of_last_update = 0

    def update(self, epoch: int, visuals: dict[str, torch.Tensor], warning: str | None = None) -> None:
        """Save the images of this epoch, in place of its earlier ones, and write the page."""
        for name, images in visuals.items():
            save_image(tensor2im(images), self.folder / f"images/epoch{epoch:03d}_{name}.png")
        names = list(visuals)
        page = Page(self.folder, f"{self.name}: training")
        if warning:
            page.add_note(warning, kind="warning")
        self._add_epochs(page, range(epoch, epoch - 1, -1), names)
        note = "x: epochs. Losses are unweighted; spreads are in Lab units."
        page.add_charts(*charts_of(self.records), note)
        page.add_details("options", self.options)
        self._add_epochs(page, range(epoch - 1, max(0, epoch - _EPOCHS), -1), names)
        page.add_links(self._older_pages(epoch, names))
        page.save()
        self.epoch_of_last_update = epoch

    def _add_epochs(self, page: Page, epochs: range, names: list[str]) -> None:
        for number in epochs:
            row = {name: f"images/epoch{number:03d}_{name}.png" for name in names}
            row = {name: path for name, path in row.items() if (self.folder / path).is_file()}
            if row:
                page.add_row(f"epoch {number}", row, self.width)

    def _older_pages(self, epoch: int, names: list[str]) -> dict[str, str]:
        """Return links to the pages of older epochs; write the newest of them if it is missing."""
        last = (epoch - 1) // _EPOCHS * _EPOCHS
        blocks = [f"epochs{end - _EPOCHS + 1:03d}-{end:03d}" for end in range(last, 0, -_EPOCHS)]
        if last and (epoch == last + 1 or not (self.folder / f"{blocks[0]}.html").is_file()):
            page = Page(self.folder, f"{self.name}: training", f"{blocks[0]}.html")
            page.add_links({"newest": "index.html"})
            self._add_epochs(page, range(last, last - _EPOCHS, -1), names)
            page.save()
        return {name: f"{name}.html" for name in blocks if (self.folder / f"{name}.html").is_file()}
