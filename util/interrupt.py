"""Ctrl-C while a program still imports its packages, which takes seconds. Import this module before them."""

import os
import signal
import threading
import time

START = time.monotonic()  # of the program
# What stops a run: of a batch system that ends a job, Ctrl-C, a lost connection, and a batch system's warning.
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1") if hasattr(signal, name)]


def _end(number: int, frame: object) -> None:
    os.write(2, b"error: stopped by Ctrl-C\n")
    os._exit(128 + number)  # no more Python: an exception inside an import can be caught, or printed as a traceback


def _is_default() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


if threading.current_thread() is threading.main_thread() and _is_default():
    signal.signal(signal.SIGINT, _end)


def raise_on_signals() -> None:
    """From now on all of them raise KeyboardInterrupt with their number, so that what is done can be kept."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _raise)


def _raise(number: int, frame: object) -> None:
    raise KeyboardInterrupt(number)
