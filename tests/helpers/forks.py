"""Our programs in forks of this process, which has imported torch: each starts at once, and none can harm the next.

A fork has its own folder, streams, limits and signals, as a process that a user starts.
"""

import os
import runpy
import shlex
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from torch.distributed import TCPStore

from tests.helpers.launch import ROOT
from tests.helpers.visdom_server import free_port
from util import interrupt

LIMIT = 60.0  # seconds after which a program hangs
_MOST_FILES = 256  # that the test process has open


@dataclass(frozen=True)
class Outcome:
    """How a program ended. `code` is negative for a signal, and None if it was killed because it hung."""

    code: int | None
    stdout: str
    stderr: str


class Fork:
    """A program that runs in a fork of this process. `prepare` is called in the fork before it begins.

    Its output goes to the files .stdout and .stderr of its folder; `name` is appended to their names.
    """

    def __init__(self, command: str, folder: Path, prepare: Callable[[], None] | None = None, name: str = ""):
        self.output = [folder / f".{stream}{name}" for stream in ("stdout", "stderr")]
        for path in self.output:
            path.write_text("")
        sys.stdout.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the fork does not use
            self.pid = os.fork()
        if self.pid == 0:
            self._become(shlex.split(command), folder, prepare)
        self.status: int | None = None
        LIVING.append(self)

    def _become(self, words: list[str], folder: Path, prepare: Callable[[], None] | None) -> None:
        code = 70
        try:
            os.setsid()
            os.chdir(folder)
            for number, path in enumerate(self.output, 1):
                os.dup2(os.open(path, os.O_WRONLY), number)
            os.closerange(3, _MOST_FILES)  # a program that outlives the test must not keep its pipes open
            sys.stdin = open(os.devnull)  # noqa: SIM115
            for number, name in ((1, "stdout"), (2, "stderr")):
                setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            warnings.resetwarnings()
            interrupt.START = time.monotonic()
            if prepare:
                prepare()
            sys.argv = words
            try:
                runpy.run_path(str(ROOT / words[0]), run_name="__main__")
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(bool(end.code))
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        finally:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except (OSError, ValueError):
                    code = code or 120
            os._exit(code)

    def send(self, number: int) -> None:
        """Send a signal to the program alone."""
        os.kill(self.pid, number)

    def wait(self, limit: float = LIMIT) -> Outcome:
        """Wait for the end, at most so many seconds."""
        end = time.monotonic() + limit
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
            elif time.monotonic() > end:
                self.kill()
                return Outcome(None, *self._read())
            else:
                time.sleep(0.005)
        return Outcome(os.waitstatus_to_exitcode(self.status), *self._read())

    def kill(self) -> None:
        """End the program and its children at once."""
        with suppress(ProcessLookupError):  # its children may live on
            os.killpg(self.pid, signal.SIGKILL)
        if self.status is None:
            with suppress(ChildProcessError):
                _, self.status = os.waitpid(self.pid, 0)

    def stdout(self) -> str:
        """Return what it has printed so far."""
        return self._read()[0]

    def wait_for(self, words: str, limit: float = LIMIT) -> None:
        """Wait until it has printed these words; fail if it ends before."""
        end = time.monotonic() + limit
        while words not in self.stdout():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
            if pid or time.monotonic() > end:
                raise AssertionError(f"no '{words}' in {self._read()}")
            time.sleep(0.005)

    def _read(self) -> list[str]:
        return [path.read_text(encoding="utf-8", errors="replace") for path in self.output]


def start_processes(
    command: str, folder: Path, count: int, prepare: Callable[[int], None] = lambda rank: None
) -> list[Fork]:
    """Start the processes of one training as torchrun does. Args: prepare: is called in each, with its rank."""
    port = free_port()
    if count > 1:  # held by none of them, as torchrun does
        STORES.append(TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False))

    def ready(rank: int) -> Callable[[], None]:
        def join() -> None:
            if count > 1:
                numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
                os.environ.update({name: str(number) for name, number in numbers.items()})
                os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), TORCHELASTIC_USE_AGENT_STORE="True")
            prepare(rank)

        return join

    return [Fork(command, folder, ready(rank), f"{rank}") for rank in range(count)]


LIVING: list[Fork] = []  # those that a test has started
STORES: list[TCPStore] = []  # through which their processes find each other


def kill_all() -> None:
    """End the forks that a test has left behind."""
    while LIVING:
        LIVING.pop().kill()
    STORES.clear()


def outcome_of(command: str, folder: Path, prepare: Callable[[], None] | None = None, limit: float = LIMIT) -> Outcome:
    """Run a program in a folder to its end."""
    return Fork(command, folder, prepare).wait(limit)
