"""Where a training run stands, and the one file from which it continues."""

from argparse import Namespace
from dataclasses import dataclass

from util import checkpoint, distributed
from util.errors import UserError
from util.run_folder import RunFolder

_FORMAT = 2


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


def save(model: object, progress: Progress, labels: list[int | str]) -> None:
    """Write the complete state, then the networks alone under each label. Call it in all processes: the first writes.

    Raises:
        UserError: if a loss or a weight is not finite. Then nothing is written.
    """
    model.check_losses()
    model.check_weights()
    step_size = distributed.step_size(model.opt)
    state = {"format": _FORMAT, "progress": vars(progress), "step_size": step_size, "model": model.state()}
    if not distributed.is_first():
        return
    checkpoint.save_atomically(state, RunFolder.of(model.opt).state)
    for label in labels:
        model.save_networks(label)


def resume(model: object, opt: Namespace, epoch_size: int) -> Progress:
    """Return where to start: with --continue_train from the state file, or from saved networks alone.

    Args: epoch_size: images in an epoch. Networks alone do not say how many images they have seen.
    """
    seen = epoch_size * (opt.epoch_count - 1)
    progress = Progress(epoch=opt.epoch_count, total_iters=seen, iterations=seen // distributed.step_size(opt))
    if not opt.continue_train:
        return progress
    if not opt.from_state:
        model.load_networks(opt.epoch)
        print(f"continuing at epoch {progress.epoch} with the networks of epoch {opt.epoch} and new optimizers")
        return progress
    path = RunFolder.of(opt).state
    state = checkpoint.load(path, model.device)
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise UserError(f"{path} is not a state that this version reads; remove it to continue from the networks alone")
    model.load_state(state["model"])
    progress = Progress(**state["progress"])
    print(f"continuing at epoch {progress.epoch}, image {progress.epoch_iter}")
    before, now = state["step_size"], distributed.step_size(opt)
    if now != before:
        print(f"a step had {before} images until now, and has {now} from here: --batch_size x --accumulate x processes")
    return progress
