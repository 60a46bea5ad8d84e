"""What a training run says: on a terminal a progress bar, elsewhere plain lines."""

import os
import sys

from tqdm import tqdm


def silence() -> None:
    """Print nothing from now on; errors and warnings still go to stderr."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, open until the program ends


class Console:
    """Progress in iterations, over all epochs of the run."""

    def __init__(self, total: int, done: int):
        """Args: total: iterations of the whole run; done: those already taken."""
        self.on_terminal = sys.stdout.isatty()
        self.bar = tqdm(total=total, initial=done, file=sys.stdout, dynamic_ncols=True, disable=not self.on_terminal)
        self.left = total - done
        self.latest = ""  # losses

    def advance(self) -> None:
        """Count an iteration."""
        self.left -= 1
        self.bar.update()

    def losses(self, where: str, values: str, seconds: float) -> None:
        """Show losses: in the bar, which has speed and time left, or as a line that says all of it.

        Args:
            where: epoch and iteration.
            seconds: those of an iteration.
        """
        self.latest = values
        if self.on_terminal:
            self.bar.set_postfix_str(values, refresh=False)
        else:
            self.say(f"{where} {values} [{1 / seconds:.2f} it/s, {_clock(seconds * self.left)} left]")

    def end_epoch(self, line: str) -> None:
        """Tell the end of an epoch; on a terminal with all the losses, of which a narrow bar shows but a few."""
        self.say(f"{line}: {self.latest}" if self.on_terminal and self.latest else line)

    def say(self, line: str) -> None:
        """Print a line without breaking the bar."""
        with tqdm.external_write_mode(file=sys.stdout):
            print(line, flush=True)

    def warn(self, line: str) -> None:
        """Print a line that --quiet does not hush."""
        with tqdm.external_write_mode(file=sys.stderr):
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
