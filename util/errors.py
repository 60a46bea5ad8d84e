"""One line for what the user can fix, a traceback for what only a developer can."""

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from tqdm import tqdm

from util.interrupt import raise_on_signals


class UserError(Exception):
    """Something the user can fix. The text names the flag or file, the value, and what to do."""


class UsageError(UserError):
    """A wrong flag, or a wrong value of one."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error of a library, for a message of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def print_error(message: str) -> None:
    """Print an error as one line on stderr, also if it names a file whose name has several."""
    warn(f"error: {message}")


def warn(line: str) -> None:
    """Print one line to stderr, which --quiet does not suppress."""
    print_line(" ".join(line.splitlines()), sys.stderr)


def print_line(line: str, stream: TextIO) -> None:
    """Print a line at once, without breaking a progress bar, whatever becomes of the stream."""
    # A log on a full disk, or a pipe that nobody reads, must not end a training.
    with suppress(OSError), tqdm.external_write_mode(file=stream):
        print(line, file=stream, flush=True)


def run(main: Callable[[], int | None]) -> None:
    """Call `main`, and end with the exit code that it returns. An error of the user's ends in one line on stderr.

    The exit code is 2 for a UsageError, 1 for any other UserError, for an OSError and for too little memory, and
    128 + its number for a signal: 130 for Ctrl-C, 143 for SIGTERM.
    """
    raise_on_signals()
    _prepare_output()
    code, message = _outcome(main)
    if message:
        print_error(message)
    sys.stdout.flush()
    if isinstance(sys.stdout, _Output) and sys.stdout.error:
        print_error(f"a part of the standard output is lost ({sys.stdout.error})")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries again at its end, and complains
        code = code or 1
    if code:
        sys.exit(code)


def _outcome(main: Callable[[], int | None]) -> tuple[int, str]:
    """Call `main`; return the exit code, and the message if it ended in an error."""
    try:
        return main() or 0, ""
    except UserError as error:
        return (2 if isinstance(error, UsageError) else 1), str(error).strip()
    except OSError as error:  # a full disk, a folder that may not be written: its text names the file
        return 1, first_line(error)
    except (MemoryError, RuntimeError) as error:
        message = lack_of_resources(error)
        if not message:
            raise
        return 1, message
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        return 128 + number, f"stopped by {'Ctrl-C' if number == signal.SIGINT else signal.Signals(number).name}"


def lack_of_resources(error: Exception) -> str:
    """Return the message for an error that says that memory or open files are used up; empty for any other error."""
    # torch has a class of its own for a GPU's memory, and only a text for that of the machine.
    if isinstance(error, MemoryError) or any(text in str(error) for text in ("allocate memory", "out of memory")):
        return f"the memory is too small ({first_line(error)}); use smaller images, batches or networks"
    if "Too many open files" in str(error):
        return "too many open files: raise the limit (ulimit -n), or use --num_threads 0"
    return ""


class _Output:
    """Standard output whose errors are kept: a full disk, or a pipe that nobody reads, must not end a training."""

    def __init__(self, stream: TextIO):
        self.stream = stream
        self.error: OSError | None = None  # the first one

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or drop the text."""
        try:
            self.stream.write(text)
        except OSError as error:
            self.error = self.error or error
        return len(text)

    def flush(self) -> None:
        """Flush; if that fails, try again at the next flush."""
        try:
            self.stream.flush()
        except OSError as error:
            self.error = self.error or error


def _prepare_output() -> None:
    """Make printing possible without a terminal: with closed streams, and in a locale that lacks a character."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:  # closed: the next file that is opened must not take its number
            descriptor = os.open(os.devnull, os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # some devices cannot
                stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _Output(sys.stdout)
