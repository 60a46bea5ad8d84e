"""What a training run reports, passed on to all that show or keep it."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from util.errors import warn
from util.report import html, visdom_monitor
from util.report.alarms import CollapseAlarm, DataAlarm
from util.report.color_spread import ColorSpread
from util.report.console import Console
from util.report.metrics_log import MetricsLog
from util.report.tensorboard_log import TensorBoardLog
from util.report.time_estimate import TimeEstimate
from util.report.training_page import TrainingPage
from util.run.run_record import RunRecord
from util.run.state import Progress

ComputeVisuals = Callable[[], dict[str, torch.Tensor]]  # images by name; none of them: there is nothing to show


class TrainingReport:
    """Console, log files, page, live monitor and TensorBoard of a run, and its alarms."""

    def __init__(
        self,
        opt: Namespace,
        record: RunRecord,
        progress: Progress,
        colors: ColorSpread,
        epoch_size: int,
        step_size: int,
        fills_cache: bool,
    ):
        """Open all that the options ask for.

        Args:
            record: of the run's options.
            progress: where the run is; the training loop keeps it up to date.
            colors: has no images yet.
            epoch_size, step_size: images in an epoch and in an iteration.
            fills_cache: True if the first epoch fills the image cache.
        """
        self.opt, self.progress, self.colors = opt, progress, colors
        folder = record.folder
        self.epoch_size, self.step_size = epoch_size, step_size
        steps = epoch_size // step_size
        done = steps * (progress.epoch - 1) + progress.epoch_iter // step_size
        self._unwritable: set[str] = set()  # files that the last attempt failed to write
        with ExitStack() as opened:  # closes what is open already if one of them fails
            self.console = Console(total=steps * (opt.n_epochs + opt.n_epochs_decay), done=done)
            opened.callback(self.console.close)
            self.tensorboard = TensorBoardLog(folder.tensorboard, progress.total_iters) if opt.tensorboard else None
            if self.tensorboard:
                opened.callback(self._close_tensorboard)
            self.log = MetricsLog(folder)
            self.records = self.log.until(progress.epoch, progress.epoch_iter)
            with self._surviving("log"):
                self.log.rewind(self.records)
            self.page = TrainingPage(folder.web, opt.name, record.text, opt.display_winsize, self.records)
            self.monitor = visdom_monitor.connect(opt, self.records, self.print)
            if self.monitor:
                opened.callback(self.monitor.close)
            if not opt.no_html and html.available():
                self.print(f"the page: {folder.web / 'index.html'}")
            self._opened = opened.pop_all()
        self.estimate = TimeEstimate(opt, self.console.left)
        self.collapse_alarm = CollapseAlarm(opt)
        self.data_alarm = DataAlarm(opt, filling_epoch=progress.epoch if fills_cache else None)
        self.start = self.last_log = time.perf_counter()
        self.steps, self.waited = 0, 0.0  # since the last log of losses
        self.validation: dict[str, float] = {}  # its latest figures
        self.total_iters_shown = 0  # images of the run when visuals were last shown live

    def batches(self, loader: Iterable[dict]) -> Iterator[dict]:
        """Yield the batches of an epoch, and note how long training waited for them."""
        before = time.perf_counter()
        for batch in loader:
            self.waited += time.perf_counter() - before
            yield batch
            before = time.perf_counter()

    def count_step(self, painted: torch.Tensor | None, style: torch.Tensor | None) -> None:
        """Count an iteration, and keep some pixels of its generated and its style images (N, C, H, W) in [-1, 1]."""
        self.steps += 1
        self.console.advance()
        if told := self.estimate.check():
            estimate, advice = told
            if advice:
                warn(f"warning: {estimate}: {advice}")
            else:
                self.print(estimate)
        if painted is not None and style is not None and painted.shape[1] == style.shape[1] == 3:
            self.colors.add(painted, style)

    def log_losses(self, losses: dict[str, float], learning_rate: float) -> None:
        """Log the losses and everything else that has a curve. Waits for the device."""
        record = self._record(losses, learning_rate)
        text = " ".join(f"{name}: {value:.3f}" for name, value in losses.items())
        seconds = record["times"]["iteration"]
        share = record["times"]["data"] / seconds
        per_image = seconds / self.step_size  # as in CUT's log
        position = (
            f"(epoch: {record['epoch']}, iters: {record['epoch_iter']}, time: {per_image:.3f}, data: {share:.0%})"
        )
        self.console.log_losses(position, text, seconds)
        self._add(record, f"{position} {text}")

    def _add(self, record: dict, line: str) -> None:
        """Put a record into all curves, and a line into the log."""
        self.records.append(record)
        with self._surviving("log"):
            self.log.add(record, line)
        if self.tensorboard:
            with self._surviving("TensorBoard log"):
                self.tensorboard.add(record)
        if self.monitor:
            self.monitor.draw_curves()

    def _record(self, losses: dict[str, float], learning_rate: float) -> dict:
        """Return a record of metrics.jsonl of the iterations since the last one, and check the alarms."""
        progress, now, steps = self.progress, time.perf_counter(), max(1, self.steps)
        colors = self.colors.read()
        if self.collapse_alarm.check(colors, progress.total_iters):
            warning = self.collapse_alarm.warning
            warn(f"warning: {warning}" if warning else "several tones again")
        if warning := self.data_alarm.check(self.waited, now - self.last_log, progress.epoch):
            warn(f"warning: {warning}")
        times = {
            "iteration": (now - self.last_log) / steps,
            "data": self.waited / steps,
            "elapsed": now - self.start,
            "monitor": self.monitor.seconds if self.monitor else 0.0,
        }
        self.last_log, self.steps, self.waited = now, 0, 0.0
        return {
            **self._position(),
            "losses": losses,
            "colors": colors,
            "one_tone": self.collapse_alarm.warning is not None,
            "learning_rate": learning_rate,
            "times": times,
            **({"validation": self.validation} if self.validation else {}),
        }

    def _position(self) -> dict[str, float]:
        progress = self.progress
        return {
            "epoch": progress.epoch,
            "epoch_iter": progress.epoch_iter,
            "epochs": progress.epoch - 1 + progress.epoch_iter / self.epoch_size,
            "iteration": progress.iterations,
            "pictures": progress.total_iters,
        }

    def log_validation(self, figures: dict[str, float], best_epoch: int) -> None:
        """Print the figures of --val_freq, and log them, with all else as in the last record."""
        self.validation = figures
        text = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
        line = f"validation after epoch {self.progress.epoch}: {text}; best: epoch {best_epoch}"
        self.print(line)
        if self.records:
            self._add({**self.records[-1], **self._position(), "validation": figures}, line)

    def log_images(self, compute_visuals: ComputeVisuals) -> None:
        """Show the current images live and in TensorBoard; they are computed only for those."""
        if (self.monitor or self.tensorboard) and (visuals := compute_visuals()):
            progress, warning = self.progress, self.collapse_alarm.warning
            self.total_iters_shown = progress.total_iters
            if self.monitor:
                title = f"epoch {progress.epoch}, image {progress.epoch_iter}"
                self.monitor.draw_images(visuals, f"{title}: {warning}" if warning else title)
            if self.tensorboard:
                with self._surviving("TensorBoard log"):
                    self.tensorboard.add_images(visuals, progress.total_iters)

    def update_page(self, compute_visuals: ComputeVisuals) -> None:
        """Put the current images and curves onto the page of this epoch."""
        # A run that was killed after the last step of an epoch and before its end continues without any images.
        if not self.opt.no_html and (visuals := compute_visuals()):
            with self._surviving("page"):
                self.page.update(self.progress.epoch, visuals, self.collapse_alarm.warning)

    def end_epoch(self, last_epoch: int, learning_rate: float, compute_visuals: ComputeVisuals) -> None:
        """Print that the epoch has ended; make sure that its images are shown."""
        epoch = self.progress.epoch
        if self.page.epoch_of_last_update != epoch or epoch == last_epoch:
            self.update_page(compute_visuals)
        if epoch == last_epoch and self.total_iters_shown != self.progress.total_iters:
            self.log_images(compute_visuals)
        self.console.end_epoch(f"end of epoch {epoch} / {last_epoch}, learning rate {learning_rate:.3g}")

    @contextmanager
    def _surviving(self, name: str) -> Iterator[None]:
        """Warn once when a file for reading cannot be written, and once when it can again; never stop training."""
        try:
            yield
        except OSError as error:
            if name not in self._unwritable:
                warn(f"warning: the {name} cannot be written ({error}); training goes on")
            self._unwritable.add(name)
        else:
            if name in self._unwritable:
                self._unwritable.remove(name)
                warn(f"the {name} is written again")

    def print(self, line: str) -> None:
        """Print a line."""
        self.console.print(line)

    def close(self) -> None:
        """End all that is open, and every thread, also where one of them fails."""
        self._opened.close()

    def _close_tensorboard(self) -> None:
        with self._surviving("TensorBoard log"):
            self.tensorboard.close()


class NullReport:
    """Takes the place of a report in all processes but the first."""

    def batches(self, loader: Iterable[dict]) -> Iterable[dict]:
        """Return the loader."""
        return loader

    def print(self, *_: object) -> None:
        """Do nothing, as all other methods."""

    count_step = log_losses = log_validation = log_images = update_page = end_epoch = close = print
