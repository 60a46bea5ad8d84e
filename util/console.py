"""What a training run says: a progress bar on a terminal, lines of losses there and in loss_log.txt."""

import sys
import time
from argparse import Namespace
from pathlib import Path

from tqdm import tqdm


class Console:
    """Progress in pictures, over all epochs of the run."""

    def __init__(self, opt: Namespace, total: int, seen: int):
        """Args: total: pictures of the whole run; seen: those already trained on."""
        self.log = Path(opt.checkpoints_dir) / opt.name / "loss_log.txt"
        self.bar = tqdm(total=total, initial=seen, unit="img", dynamic_ncols=True, disable=not sys.stderr.isatty())
        self.total, self.seen, self.start, self.first = total, seen, time.monotonic(), seen
        self.batch_size = opt.batch_size
        self._append(f"================ Training Loss ({time.strftime('%c')}) ================")

    def advance(self, pictures: int) -> None:
        """Count the pictures of one step."""
        self.seen += pictures
        self.bar.update(pictures)

    def losses(self, epoch: int, epoch_iter: int, losses: dict[str, float], data_share: float) -> None:
        """Print a line of losses with speed and time left, and add it to the log.

        Args:
            epoch_iter: pictures seen in this epoch.
            data_share: the part of the time spent waiting for pictures.
        """
        seconds = (time.monotonic() - self.start) / max(1, self.seen - self.first)
        left = _clock(seconds * (self.total - self.seen))
        speed = 1 / max(1e-9, seconds * self.batch_size)
        values = " ".join(f"{name}: {value:.3f}" for name, value in losses.items())
        where = f"(epoch: {epoch}, iters: {epoch_iter}, time: {seconds:.3f}, data: {data_share:.0%})"
        self.say(f"{where} {values} [{speed:.2f} it/s, {left} left]")
        self._append(f"{where} {values}")
        self.bar.set_postfix_str(values, refresh=False)

    def say(self, line: str) -> None:
        """Print a line without breaking the progress bar."""
        tqdm.write(line, file=sys.stdout)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()

    def _append(self, line: str) -> None:
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
