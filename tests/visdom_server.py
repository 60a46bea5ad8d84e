"""The real scripts/monitor.py in a process of its own, to be stopped, started anew and held."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.browser import wait_for

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell if something listens there."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0


class VisdomServer:
    """A server on a port of its own; `log` is the file with what it prints. Use it in a `with`: it ends with that."""

    def __init__(self, folder: Path, *arguments: str, root: Path = ROOT, **environment: str) -> None:
        self.port = free_port()
        self.log = folder / f"visdom-{self.port}.log"
        self.command = [sys.executable, str(root / "scripts/monitor.py"), "--port", str(self.port),
                        "--env_path", str(folder / "environments"), *arguments]  # fmt: skip
        self.environment = {**os.environ, **environment}

    def __enter__(self) -> "VisdomServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def address(self) -> str:
        """The page's."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and return once it listens."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)  # fmt: skip
        wait_for(lambda: self.process.poll() is not None or answers(self.port), seconds=60)
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """Kill it, held or not."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it anew on the same port; what was drawn is gone."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Hold it: it still takes connections and answers none."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)
