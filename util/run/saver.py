"""Saves a run while it trains, and finds where it continues."""

import math
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from util import distributed
from util.errors import UsageError, UserError, warn
from util.run.run_record import RunRecord
from util.run.state import FORMAT, Progress, StateFiles, check_progress
from util.run_folder import RunFolder, check_name

_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 600.0  # seconds between two attempts to save
_MOST_ROLLBACKS = 3


class Saver:
    """Writes the state of a run, the record of its options, and its networks.

    A save that fails is tried again, with growing pauses, while training goes on. All processes must make the same
    calls; the first one writes.
    """

    def __init__(self, opt: Namespace, model: Any, make_record: Callable[[Namespace], RunRecord]):
        """Args: make_record: returns the record of options, which is written together with the first save."""
        self.opt, self.model, self.make_record = opt, model, make_record
        self.record = make_record(opt)
        self.folder = RunFolder.of(opt)
        self.states = StateFiles(self.folder, opt.keep_states)
        self.progress = Progress()
        self.error: OSError | None = None  # of a save that has not succeeded since
        self.pause, self.next_attempt = _FIRST_PAUSE, 0.0
        self.rollbacks = 0
        self.seconds = 0.0  # that the slowest save took

    # ---- where a run begins ----------------------------------------------------------------------------------

    def resume(self, epoch_size: int) -> None:
        """Find where to start: with --continue_train from the newest state, or from saved networks alone.

        Args: epoch_size: images in an epoch. Networks alone do not say how many images they have seen.
        """
        opt = self.opt
        if opt.continue_train and opt.from_state:
            self._restore()
            return
        if opt.continue_train:
            self.model.load_networks(opt.epoch)
            print(f"continuing at epoch {opt.epoch_count} with the networks of epoch {opt.epoch} and new optimizers")
        seen = epoch_size * (opt.epoch_count - 1)
        iterations = seen // distributed.step_size(opt)
        self.progress = Progress(epoch=opt.epoch_count, total_iters=seen, iterations=iterations)
        if opt.overwrite or opt.on_nan == "rollback":
            self._save_beginning()

    def roll_back(self, error: UserError) -> None:
        """With --on_nan rollback go back to the latest state, with half the learning rate.

        Args: error: says what is not finite.
        Raises:
            UserError: with --on_nan stop, after three times, or if there is no state.
        """
        opt = self.opt
        if opt.on_nan == "stop" or self.rollbacks == _MOST_ROLLBACKS:
            tried = f" after {self.rollbacks} rollbacks" if self.rollbacks else ""
            other = "" if self.rollbacks else ", or --on_nan rollback"
            raise UserError(f"{error}{tried}; nothing was saved since. Try a smaller --lr, or smaller weights of the "
                            f"loss terms{other}") from None  # fmt: skip
        self.rollbacks += 1
        opt.lr /= 2
        self.record = self.make_record(opt)
        if distributed.is_first():
            warn(f"warning: {error}; back to the latest state with --lr {opt.lr:g} (rollback {self.rollbacks} of "
                 f"{_MOST_ROLLBACKS})")  # fmt: skip
        self._restore()

    def _restore(self) -> None:
        """Put model and progress back to the newest state that can be read."""
        state = self.states.read(self._check_state, self.model.device)
        self.model.load_state(state["model"])
        self.progress = Progress(**state["progress"])
        before, now = state["step_size"], distributed.step_size(self.opt)
        if now != before:
            print(f"a step had {before} images until now, and has {now} from here: --batch_size x --accumulate "
                  "x processes")  # fmt: skip
        if distributed.is_first() and state.get("replaces_run"):  # it may have been killed as it did
            self._remove_networks(until=self.states.sound[0].stat().st_mtime)
        if distributed.is_first():
            self._write_missing_networks(state.get("labels", []))
        print(f"continuing at epoch {self.progress.epoch}, image {self.progress.epoch_iter}")

    def _check_state(self, state: dict, source: str) -> None:
        check_progress(state.get("progress"), source)
        labels, step_size = state.get("labels", []), state.get("step_size")
        if not isinstance(labels, list) or not all(type(label) in (int, str) for label in labels):
            raise UserError(f"{source} is not usable: labels are {labels}")
        try:
            for label in labels:
                check_name("label", str(label))
        except UsageError:
            raise UserError(f"{source} is not usable: labels are {labels}") from None
        if type(step_size) is not int or step_size < 1:
            raise UserError(f"{source} is not usable: step_size is {step_size}")
        options = state.get("options")
        if not isinstance(options, dict):
            raise UserError(f"{source} is not usable: it has no options")
        if options.get("run_id", self.opt.run_id) != self.opt.run_id:
            raise UserError(f"{source} is a state of another run")
        self.model.check_state(state.get("model"), source)

    def _save_beginning(self) -> None:
        """Save the state before the first step. With --overwrite it replaces the run that was here.

        At any instant the folder has either the old run or the new one: --continue_train reads the state and test.py
        the networks, which are removed before the record that describes them is replaced.
        """
        if self.opt.overwrite:
            self.states.sound = []
        content = {**self._state([]), "replaces_run": self.opt.overwrite}
        if distributed.is_first():
            self.states.write(content)
            if self.opt.overwrite:
                self._remove_networks()
            self.record.write()

    def _write_missing_networks(self, labels: Sequence[int | str]) -> None:
        """Write the networks of the state that was read if they are not there: the run was killed before it could."""
        saved_at = self.states.sound[0].stat().st_mtime
        for label in labels:
            files = [self.folder.network(label, name) for name in self.model.networks()]
            if not all(path.is_file() and path.stat().st_mtime >= saved_at for path in files):
                try:
                    self.model.save_networks(label)
                except OSError as error:
                    warn(f"warning: {error}; training goes on")

    def _remove_networks(self, until: float = math.inf) -> None:
        """Remove the networks that were saved before a time, in seconds since the epoch."""
        for path in self.folder.networks():
            if path.stat().st_mtime < until:
                path.unlink()

    # ---- saving ----------------------------------------------------------------------------------------------

    def save(self, labels: Sequence[int | str] = ("latest",)) -> None:
        """Write the state, then the networks alone under each label; warn if that is not possible.

        Raises:
            UserError: if a loss or a weight is not finite. Then nothing is written.
        """
        if self.error is None:
            self._attempt(labels)

    def retry(self) -> None:
        """Try again to save, if the last attempt failed and its pause is over. Call it after each step."""
        if self.error is not None and distributed.any_process(time.monotonic() >= self.next_attempt):
            self._attempt(["latest"])

    def finish(self) -> None:
        """Raise a UserError if the newest state is not on the disk, after one more attempt."""
        if self.error is not None:
            self._attempt(["latest"])
        if self.error is not None:
            raise UserError(f"{self.folder.path} could not be written ({self.error}): training since the last save "
                            "is lost")  # fmt: skip

    def save_before(self, error: UserError) -> None:
        """Save what has been trained before an error of the data ends the run; of several processes only one has it."""
        trained = self.progress.iterations > 0 and not isinstance(error, UsageError)
        if trained and distributed.world_size() == 1:
            with suppress(UserError):  # what it would save is not sound; the save before stays
                self._attempt(["latest"], "training since the last save is lost")

    def save_best(self) -> bool:
        """Write the networks alone as the best so far; return True if that was possible. For the first process."""
        try:
            self.model.save_networks("best")
        except OSError as error:
            warn(f"warning: best_net_*.pth cannot be written ({error}); training goes on")
            return False
        return True

    def _attempt(self, labels: Sequence[int | str], outlook: str = "training goes on, and saves later") -> None:
        start = time.monotonic()
        content, error = self._state(labels), None
        if distributed.is_first():
            try:
                self.folder.path.mkdir(parents=True, exist_ok=True)
                self.states.write(content)
                self.record.write()
                for label in labels:
                    self.model.save_networks(label)
            except OSError as failure:
                error = failure
        self.seconds = max(self.seconds, time.monotonic() - start)
        if distributed.any_process(error is not None):
            self._failed(error or OSError("in the first process"), outlook)
        elif self.error is not None:
            self.error, self.pause = None, _FIRST_PAUSE
            if distributed.is_first():
                warn("the state is saved again")

    def _failed(self, error: OSError, outlook: str) -> None:
        if self.error is None and distributed.is_first():
            warn(f"warning: {self.folder.path} cannot be written ({error}); {outlook}")
        self.error = error
        self.next_attempt = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, _LONGEST_PAUSE)

    def _state(self, labels: Sequence[int | str]) -> dict[str, object]:
        """Return the complete state. All processes must call it: the first one gets it whole.

        Args: labels: under which the networks alone are written after it.
        """
        self.model.check_losses()
        self.model.check_weights()
        return {
            "format": FORMAT,
            "progress": vars(self.progress),
            "step_size": distributed.step_size(self.opt),
            "options": self.record.values,
            "labels": list(labels),
            "model": self.model.state(),
        }
