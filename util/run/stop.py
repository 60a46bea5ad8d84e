"""Stopping a run with Ctrl-C or SIGTERM."""

import signal
import time

from util import distributed

_REPEAT_SECONDS = 3.0  # a terminal and torchrun both pass on the same Ctrl-C


class StopRequest:
    """Remembers Ctrl-C and SIGTERM, so that the loop can save and stop after its step.

    A second signal after more than 3 seconds raises KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self._time: float | None = None  # of the first signal
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def is_requested(self) -> bool:
        """Return True if any process of the run was asked to stop. All processes must call it."""
        return distributed.any_process(self._time is not None)

    def _handle(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._time is not None and now - self._time > _REPEAT_SECONDS:
            raise KeyboardInterrupt
        self._time = self._time or now
