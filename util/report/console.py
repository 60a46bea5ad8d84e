"""What a training run prints: a progress bar on a terminal, plain lines elsewhere."""

import os
import sys

from tqdm import tqdm

from util.errors import print_line

tqdm.monitor_interval = 0  # else tqdm starts a thread for its bar, which nobody ends


def silence() -> None:
    """Print nothing from now on; errors and warnings still go to stderr."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, open until the program ends


class Console:
    """Shows the progress over all epochs of the run, in iterations."""

    def __init__(self, total: int, done: int):
        """Args: total: iterations of the whole run; done: those that an earlier process trained."""
        self.on_terminal = sys.stdout.isatty()
        self.bar = tqdm(total=total, initial=done, file=sys.stdout, dynamic_ncols=True, disable=not self.on_terminal)
        self.left = total - done
        self.latest_losses = ""

    def advance(self) -> None:
        """Count an iteration."""
        self.left -= 1
        self.bar.update()

    def log_losses(self, position: str, losses: str, seconds: float) -> None:
        """Show losses: in the bar, which has speed and time left, or as a line with all of it.

        Args:
            position: epoch and iteration.
            seconds: time of one iteration.
        """
        self.latest_losses = losses
        if self.on_terminal:
            self.bar.set_postfix_str(losses, refresh=False)
        else:
            left = tqdm.format_interval(seconds * self.left)
            self.print(f"{position} {losses} [{1 / seconds:.2f} it/s, {left} left]")

    def end_epoch(self, line: str) -> None:
        """Print a line; on a terminal with all losses, of which a narrow bar shows only a few."""
        self.print(f"{line}: {self.latest_losses}" if self.on_terminal and self.latest_losses else line)

    def print(self, line: str) -> None:
        """Print a line without breaking the bar."""
        print_line(line, sys.stdout)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()
