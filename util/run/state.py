"""Where a training run stands, and the files from which it continues."""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from util import checkpoint, distributed
from util.errors import UserError, warn
from util.run_folder import RunFolder

FORMAT = 2


@dataclass
class Progress:
    """`epoch` is the current one. `epoch_iter` of its images, and `total_iters` images of the run, are done."""

    epoch: int = 1
    epoch_iter: int = 0
    total_iters: int = 0
    iterations: int = 0  # training steps
    best_score: float = float("inf")  # of --val_freq
    best_epoch: int = 0

    def count(self, images: int) -> None:
        """Count a step on so many images."""
        self.iterations += 1
        self.epoch_iter += images
        self.total_iters += images


class StateFiles:
    """The latest state of a run, and those that were saved before it."""

    def __init__(self, folder: RunFolder, keep: int):
        """Args: keep: how many states to keep, the latest one included."""
        self.folder, self.keep = folder, keep
        self.sound = folder.states()  # newest first; without those that could not be read

    def write(self, content: object) -> None:
        """Write the latest state. The one before it is kept, and at any instant one of them is whole.

        Raises:
            OSError: if it cannot be written. Then the states are as before, or under the names of earlier ones.
        """
        checkpoint.save_atomically(content, self.folder.state, before=self._keep_earlier)
        self.sound = [self.folder.state, *self.sound[: self.keep - 1]]
        for path in self.folder.states():
            if path not in self.sound:
                path.unlink(missing_ok=True)

    def _keep_earlier(self) -> None:
        self.sound = [path for path in self.sound if path.is_file()]  # somebody may have removed one
        kept = [self.folder.earlier_state(number) for number in range(1, self.keep)][: len(self.sound)]
        for path, target in reversed(list(zip(self.sound, kept, strict=False))):
            if path == self.folder.state:
                _copy(path, target)
            elif path != target:
                os.replace(path, target)
        self.sound = kept

    def read(self, check: Callable[[Any, str], None], device: Any) -> dict:
        """Return the newest state that can be restored. A warning says what is lost if that is not the latest one.

        Several processes read the same file.

        Args: check: raises a UserError for a state of a file that cannot be restored.
        Raises:
            UserError: if none can be restored; it says why the latest one cannot. Also if a file cannot be read at all
                (the disk, too little memory): its state may be sound.
        """
        state, problems = None, []
        if self.sound and self.sound[0] != self.folder.state and distributed.is_first():
            warn(f"warning: {self.folder.state} is missing; the state before it is read")
        while distributed.is_first() and self.sound and state is None:
            try:
                state = _read(self.sound[0], check, device)
            except UserError as error:
                problems.append((self.sound.pop(0), error))
            except OSError as error:
                raise UserError(f"{self.sound[0]} cannot be read ({error.strerror}); try again, or remove it to "
                                "continue from the state before") from None  # fmt: skip
        self.sound = distributed.broadcast(self.sound)
        if not self.sound:
            error = problems[0][1] if problems else "no state of this run can be restored"
            raise UserError(f"{error}; remove the run's *_state*.pth to continue from its networks alone")
        for path, error in problems[:1]:
            older = self.sound[0]
            seconds = path.stat().st_mtime - older.stat().st_mtime
            warn(f"warning: {error}; continuing from {older.name}, saved {_duration(seconds)} earlier")
        return state or _read(self.sound[0], check, device)


def check_progress(saved: object, source: str) -> None:
    """Raise a UserError unless these are the values of a Progress. Args: source: the name of their file."""
    whole = {field.name for field in fields(Progress)} - {"best_score"}
    is_sound = (
        isinstance(saved, dict)
        and saved.keys() == whole | {"best_score"}
        and all(type(saved[name]) is int and saved[name] >= 0 for name in whole)
        and isinstance(saved["best_score"], (int, float))
        and saved["best_score"] >= 0  # NaN is not
        and saved["epoch"] >= 1
    )
    if not is_sound:
        raise UserError(f"{source} is not usable: progress is {saved}")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _read(path: Path, check: Callable[[Any, str], None], device: Any) -> dict:
    state = checkpoint.load(path, device)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UserError(f"{path} is not a state that this version reads")
    check(state, str(path))
    return state


def _copy(path: Path, target: Path) -> None:
    """Give a file a second name, so that the first name is never without a file; where there are no links, rename."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        os.replace(path, target)
