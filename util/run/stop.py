"""Stopping a run with Ctrl-C or SIGTERM, or when its time is over."""

import math
import signal
import time

from util import distributed

_REPEAT_SECONDS = 3.0  # a terminal and torchrun both pass on the same Ctrl-C


class StopRequest:
    """Remembers Ctrl-C and SIGTERM, so that the loop can save and stop after its step.

    A second signal after more than 3 seconds raises KeyboardInterrupt at once.

    Args:
        max_minutes: the time from now after which the run stops by itself; 0: never.
    """

    def __init__(self, max_minutes: float = 0.0) -> None:
        self._time: float | None = None  # of the first signal
        self._end = time.monotonic() + 60.0 * max_minutes if max_minutes > 0 else math.inf
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def is_requested(self) -> bool:
        """Return True if any process was asked to stop or its time is over. All processes must call it."""
        return distributed.any_process(self._time is not None or time.monotonic() >= self._end)

    def _handle(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._time is not None and now - self._time > _REPEAT_SECONDS:
            raise KeyboardInterrupt
        self._time = self._time or now
