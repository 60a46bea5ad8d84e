"""The results of a test: results/NAME/PHASE_EPOCH with images/VISUAL/FILE.png and index.html."""

import json
import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

from util.errors import UserError
from util.files import replacing
from util.report.html import Page
from util.util import save_image, tensor2im


class ResultsPage:
    """Writes every image, in the sub-folders of its source image, and a page that shows them.

    `results.json` lists the files and the data root that they were made from. Files that are not in it are never
    removed.
    """

    def __init__(self, opt: Namespace, options: str, label: str | None = None):
        """Open a new folder, or one with earlier results of the same data root.

        Args: options: as text, for the page; label: name of the folder instead of PHASE_EPOCH.
        Raises:
            UserError: if the folder has other results.
        """
        self.opt = opt
        self.folder = Path(opt.results_dir) / opt.name / (label or f"{opt.phase}_{opt.epoch}")
        self.list = self.folder / "results.json"
        self.data_root = os.path.realpath(opt.dataroot)
        self.earlier = self._earlier_files()
        self.page = Page(self.folder, f"{opt.name}: {self.folder.name}")
        self.page.add_details("options", options)
        self.taken: set[str] = set()  # names, in lower case
        self.files: list[str] = []  # written, relative to the folder
        self.count = 0

    def _earlier_files(self) -> list[str]:
        """Return the files of earlier results from the same data root."""
        if not (self.list.exists() or (self.folder / "images").exists() or (self.folder / "index.html").exists()):
            return []
        try:
            earlier = json.loads(self.list.read_text(encoding="utf-8"))
            data_root, files = earlier["data_root"], earlier["files"]
        except (OSError, ValueError, TypeError, KeyError):
            raise UserError(f"{self.folder} has files that do not belong to results of this --dataroot; move them, or "
                            "choose another --results_dir") from None  # fmt: skip
        if data_root != self.data_root:
            raise UserError(f"{self.folder} has the results of {data_root}; choose another --results_dir, or remove "
                            "that folder")  # fmt: skip
        print(f"replacing the earlier results in {self.folder}")
        return files

    def add(self, visuals: dict[str, torch.Tensor | np.ndarray], path: str) -> None:
        """Save the images made from the source image at `path`: (1, 3, H, W) in [-1, 1], or (H, W, 3) uint8."""
        if not self.count:
            self._write_list(self.earlier)  # the folder has an owner from its first file on
        name = self._unique_name(path)
        row = {}
        for visual, images in visuals.items():
            row[visual] = f"images/{visual}/{name}.png"
            array = images if isinstance(images, np.ndarray) else tensor2im(images)
            save_image(array, self.folder / row[visual])
        self.files += row.values()
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

    def save(self, is_complete: bool = True) -> Path:
        """Write the page, remove earlier results that it replaces, and return the folder.

        Args: is_complete: False after an interruption: earlier results stay, and so does their page if there are no new
            ones.
        """
        if not is_complete and not self.count:
            return self.folder
        self.page.save()
        stale = set(self.earlier) - set(self.files)
        if is_complete:
            for file in stale:
                self._remove(file)
        self._write_list(self.files + ([] if is_complete else sorted(stale)))
        return self.folder

    def _remove(self, file: str) -> None:
        path = self.folder / file
        if path.resolve().is_relative_to((self.folder / "images").resolve()):  # whatever the list says
            path.unlink(missing_ok=True)

    def _write_list(self, files: list[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.list) as file:
            file.write(json.dumps({"data_root": self.data_root, "files": files}, indent=1).encode())
