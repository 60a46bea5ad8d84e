"""Where a training run stands, and the one file from which it goes on."""

import signal
import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from models.base_model import BaseModel
from util import checkpoint, distributed
from util.errors import UserError


@dataclass
class Progress:
    """`epoch` is the one to train; `epoch_iter` of its pictures, and `total_iters` of the run's, are done."""

    epoch: int = 1
    epoch_iter: int = 0
    total_iters: int = 0
    iterations: int = 0  # steps; a picture more or less in a batch changes what an iteration is

    def count(self, pictures: int) -> None:
        """Count a step on so many pictures."""
        self.iterations += 1
        self.epoch_iter += pictures
        self.total_iters += pictures


def state_path(opt: Namespace) -> Path:
    """Return the path of the run's complete state."""
    return Path(opt.checkpoints_dir) / opt.name / "latest_state.pth"


def save(model: BaseModel, progress: Progress, export_as: list[int | str]) -> None:
    """Write the complete state, then the networks alone under the names to export; only if all is finite.

    All processes call it, and the first one writes.
    """
    model.check_losses()
    model.check_weights()
    state = {"format": 2, "progress": vars(progress), "step_size": distributed.step_size(model.opt),
             "model": model.state()}  # fmt: skip
    if not distributed.is_first():
        return
    checkpoint.save_atomically(state, state_path(model.opt))
    for name in export_as:
        model.save_networks(name)


def resume(model: BaseModel, opt: Namespace, epoch_size: int) -> Progress:
    """Return where to start: with --continue_train from the state file, or from exported networks alone.

    Args: epoch_size: pictures in an epoch; networks alone do not tell how many they have seen.
    """
    seen = epoch_size * (opt.epoch_count - 1)
    progress = Progress(epoch=opt.epoch_count, total_iters=seen, iterations=seen // distributed.step_size(opt))
    if not opt.continue_train:
        return progress
    path = state_path(opt)
    if opt.from_state:
        state = checkpoint.load(path, model.device)
        if not isinstance(state, dict) or state.get("format") != 2:
            raise UserError(f"{path} is no state that this version reads; remove it to go on from the networks alone")
        model.load_state(state["model"])
        progress = Progress(**state["progress"])
        print(f"continuing at epoch {progress.epoch}, picture {progress.epoch_iter}")
        before, now = state["step_size"], distributed.step_size(opt)
        if now != before:
            what = "--batch_size times --accumulate times processes"
            print(f"a step took {before} pictures so far, {what}, and now {now}")
    else:
        model.load_networks(opt.epoch)
        print(
            f"continuing at epoch {progress.epoch} from the networks of epoch {opt.epoch} alone: optimizers start anew"
        )
    return progress


class StopRequest:
    """Turns Ctrl-C and SIGTERM into a wish that the loop fulfils after its step; a later second one ends at once.

    Repeats within seconds are one wish: a terminal and torchrun both hand on the same Ctrl-C.
    """

    def __init__(self) -> None:
        self._wanted = False
        self._since = 0.0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def is_wanted(self) -> bool:
        """Tell whether this process, or another one of the run, was asked to stop. All of them ask."""
        return distributed.any_process(self._wanted)

    def _note(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._wanted and now - self._since > 3:
            raise KeyboardInterrupt
        if not self._wanted:
            self._wanted, self._since = True, now
