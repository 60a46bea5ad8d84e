"""Stopping a run by a signal, or when its time is over."""

import argparse
import math
import re
import signal
import time

from util import distributed, interrupt

_REPEAT_SECONDS = 3.0  # a terminal and torchrun both pass on the same Ctrl-C


def minutes(text: str) -> float:
    """Convert the value of --time_limit, minutes or H:MM:SS, to minutes; for argparse's `type`."""
    if found := re.fullmatch(r"(\d+):([0-5]\d):([0-5]\d)", text):
        hours, minutes, seconds = map(int, found.groups())
        return 60.0 * hours + minutes + seconds / 60
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is neither minutes nor H:MM:SS") from None


class StopRequest:
    """Remembers a signal, so that the loop can save and stop after its step.

    A second Ctrl-C raises KeyboardInterrupt at once. SIGHUP stays ignored where it is, as nohup does.

    Args:
        minutes: the time after the program's start at which it must have ended; 0: any.
    """

    def __init__(self, minutes: float = 0.0) -> None:
        self._signal, self._time = 0, 0.0  # the first signal, and when it came
        self._is_interrupted = False
        self._end = interrupt.START + 60.0 * minutes if minutes > 0 else math.inf
        self._last_check = time.monotonic()
        self._longest_step = 0.0
        for number in interrupt.SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def is_requested(self, save_seconds: float) -> bool:
        """Return True if any process was asked to stop or its time is over. All processes must call it in each step.

        Args: save_seconds: how long the slowest save took.
        """
        now = time.monotonic()
        self._longest_step = max(self._longest_step, now - self._last_check)
        self._last_check = now
        is_over = now + self._longest_step + 2 * save_seconds >= self._end
        return distributed.any_process(self._signal != 0 or is_over)

    def exit_code(self) -> int:
        """Return the exit code of a run that has saved and stopped: 128 + signal; 0 after SIGUSR1 or the time limit."""
        number = distributed.largest(self._signal)
        return 0 if number in (0, getattr(signal, "SIGUSR1", 0)) else 128 + number

    def _handle(self, number: int, frame: object) -> None:
        now = time.monotonic()
        repeated = distributed.world_size() > 1 and now - self._time < _REPEAT_SECONDS
        if number == signal.SIGINT:
            if self._is_interrupted and not repeated:
                raise KeyboardInterrupt
            self._is_interrupted = True
        self._signal, self._time = self._signal or number, self._time or now
