"""What a training run tells while it runs, handed to all that show or keep it."""

import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from data import Loader
from models.base_model import BaseModel
from util.report.color_spread import ColorStatistics
from util import html, visdom_monitor
from util.report.collapse_alarm import CollapseAlarm
from util.report.console import Console
from util.report.curves import values_of
from util.report.data_alarm import DataAlarm
from util.report.history import History
from util.report.metrics_log import RunLog
from util.run.state import Progress
from util.report.tensorboard_log import TensorBoardLog
from util.report.training_page import TrainingPage


class Report:
    """Console, files, page, live monitor and TensorBoard of a run, and its alarms."""

    def __init__(self, opt: Namespace, model: BaseModel, progress: Progress, dataset: Loader):
        """Args: progress: where the run stands, which the loop keeps up to date."""
        self.opt, self.model, self.progress, self.epoch_size = opt, model, progress, len(dataset)
        folder = model.save_dir
        self.step_size = dataset.step_size
        steps = self.epoch_size // self.step_size
        done = steps * (progress.epoch - 1) + progress.epoch_iter // self.step_size
        self.console = Console(total=steps * (opt.n_epochs + opt.n_epochs_decay), done=done)
        self.tensorboard = TensorBoardLog(folder / "tensorboard", progress.total_iters) if opt.tensorboard else None
        self.log = RunLog(folder)
        self.history = History()
        for record in self.log.rewind(progress.epoch, progress.epoch_iter):
            self.history.add(record["epochs"], values_of(record))
        options = (folder / f"{opt.phase}_opt.txt").read_text(encoding="utf-8")
        self.page = TrainingPage(folder / "web", opt.name, options, opt.display_winsize, self.history)
        self.monitor = visdom_monitor.connect(opt, self.history, self.console.say)
        if not opt.no_html and html.available():
            self.say(f"the page: {self.page.folder / 'index.html'}")
        self.colors = ColorStatistics()
        self.alarm = CollapseAlarm(opt)
        self.data_alarm = DataAlarm(opt, filling=progress.epoch if dataset.dataset.cache else None)
        self.start = self.asked = time.perf_counter()
        self.steps, self.waited = 0, 0.0  # since the last line of losses
        self.shown = 0  # pictures of the run when the live ones were sent last
        self.unwritten: set[str] = set()  # what the disk refuses at present

    def batches(self, loader: Iterable[dict]) -> Iterator[dict]:
        """Yield the batches of an epoch, and note how long training waited for them."""
        before = time.perf_counter()
        for batch in loader:
            self.waited += time.perf_counter() - before
            yield batch
            before = time.perf_counter()

    def step(self) -> None:
        """Count a step, and keep some pixels of what it painted."""
        self.steps += 1
        self.console.advance()
        painted, style = (getattr(self.model, name, None) for name in ("fake_B", "real_B"))
        if painted is not None and style is not None and painted.shape[1] == style.shape[1] == 3:
            self.colors.see(painted, style)

    def losses(self, losses: dict[str, float]) -> None:
        """Tell the losses and all else that has a curve. Waits for the device."""
        record = self._record(losses)
        values = " ".join(f"{name}: {value:.3f}" for name, value in record["losses"].items())
        seconds = record["times"]["iteration"]
        share = record["times"]["data"] / seconds
        of_picture = seconds / self.step_size  # as CUT's log has it
        where = f"(epoch: {record['epoch']}, iters: {record['epoch_iter']}, time: {of_picture:.3f}, data: {share:.0%})"
        self.console.losses(where, values, seconds)
        self.history.add(record["epochs"], values_of(record))
        with self._going_on_without("log"):
            self.log.add(record, f"{where} {values}")
        if self.tensorboard:
            with self._going_on_without("TensorBoard's log"):
                self.tensorboard.add(record)
        if self.monitor:
            self.monitor.curves()

    def _record(self, losses: dict[str, float]) -> dict:
        progress, now = self.progress, time.perf_counter()
        colors = self.colors.read()
        if self.alarm.check(colors, progress.total_iters):
            self.console.warn(f"warning: {self.alarm.warning}" if self.alarm.warning else "several tones again")
        if held_up := self.data_alarm.check(self.waited, now - self.asked, progress.epoch):
            self.console.warn(f"warning: {held_up}")
        times = {
            "iteration": (now - self.asked) / max(1, self.steps), "data": self.waited / max(1, self.steps),
            "elapsed": now - self.start, "monitor": self.monitor.seconds if self.monitor else 0.0,
        }  # fmt: skip
        self.asked, self.steps, self.waited = now, 0, 0.0
        return {
            "epoch": progress.epoch, "epoch_iter": progress.epoch_iter,
            "epochs": progress.epoch - 1 + progress.epoch_iter / self.epoch_size,
            "iteration": progress.iterations, "pictures": progress.total_iters,
            "losses": losses, "colors": colors, "one_tone": self.alarm.warning is not None,
            "learning_rate": float(self.model.optimizers[0].param_groups[0]["lr"]), "times": times,
        }  # fmt: skip

    def pictures(self) -> None:
        """Show the current pictures live."""
        if (self.monitor or self.tensorboard) and self.model.get_image_paths():
            self.shown = self.progress.total_iters
            self.model.compute_visuals()
            visuals = self.model.get_current_visuals()
            title = f"epoch {self.progress.epoch}, picture {self.progress.epoch_iter}"
            if self.monitor:
                self.monitor.pictures(visuals, f"{title}: {self.alarm.warning}" if self.alarm.warning else title)
            if self.tensorboard:
                with self._going_on_without("TensorBoard's log"):
                    self.tensorboard.pictures(visuals, self.progress.total_iters)

    def update_page(self) -> None:
        """Put the current pictures and curves onto the page of this epoch."""
        # A run that was killed between the last step of an epoch and its end has no pictures to show when it goes on.
        if not self.opt.no_html and self.model.get_image_paths():
            self.model.compute_visuals()
            with self._going_on_without("page"):
                self.page.update(self.progress.epoch, self.model.get_current_visuals(), self.alarm.warning)

    @contextmanager
    def _going_on_without(self, what: str) -> Iterator[None]:
        """Let what is only for reading never end a run: one line when the disk refuses it, one when no more."""
        try:
            yield
        except OSError as error:
            if what not in self.unwritten:
                self.console.warn(f"warning: the {what} cannot be written ({error}); training goes on")
            self.unwritten.add(what)
        else:
            if what in self.unwritten:
                self.unwritten.remove(what)
                self.console.warn(f"the {what} is written again")

    def say(self, line: str) -> None:
        """Print a line."""
        self.console.say(line)

    def end_epoch(self, last_epoch: int) -> None:
        """Tell the end of an epoch; its pictures are on the page by then."""
        last = self.progress.epoch == last_epoch
        if self.page.epoch_of_last_update != self.progress.epoch or last:
            self.update_page()
        if last and self.shown != self.progress.total_iters:
            self.pictures()
        rate = float(self.model.optimizers[0].param_groups[0]["lr"])
        self.console.end_epoch(f"end of epoch {self.progress.epoch} / {last_epoch}, learning rate {rate:.3g}")

    def close(self) -> None:
        """End what is under way."""
        self.console.close()
        if self.monitor:
            self.monitor.close()
        if self.tensorboard:
            self.tensorboard.close()


class Silence:
    """Takes the place of a report in all processes but the first."""

    def batches(self, loader: Iterable[dict]) -> Iterable[dict]:
        """Return the loader."""
        return loader

    def step(self, *_: object) -> None:
        """Do nothing, as all the others."""

    losses = pictures = update_page = say = end_epoch = close = step
