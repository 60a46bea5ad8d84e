"""The server of scripts/monitor.sh as a process that tests can stop, restart and pause; and a fake that misbehaves."""

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.helpers.browser import wait_for
from tests.helpers.launch import ROOT


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Return True if something listens there."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0


class VisdomServer:
    """A server on a free port, used in a `with`. What it prints goes to the file `log`."""

    def __init__(self, folder: Path, *arguments: str, root: Path = ROOT, **environment: str) -> None:
        self.port, self.root = free_port(), root
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"visdom-{self.port}.log"
        self.command = [sys.executable, "-m", "scripts.monitor.serve", "--port", str(self.port), "--env_path"]
        self.command += [str(folder / "environments"), *arguments]
        self.environment = {**os.environ, **environment}

    def __enter__(self) -> "VisdomServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and return once it listens."""
        with self.log.open("a") as log:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(self.command, cwd=self.root, env=self.environment, **pipes)
        wait_for(lambda: self.process.poll() is not None or answers(self.port))
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """Kill it, paused or not."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it anew on the same port, with nothing drawn."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop the process: it accepts connections and answers none."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it continue."""
        self.process.send_signal(signal.SIGCONT)


class FakeServer(socketserver.ThreadingTCPServer):
    """A server inside the test, used in a `with`, whose `behavior` can change at any time.

    "answer": as visdom does, and keep the newest message for each window; "hang": never answer; "trickle": a byte now
    and then; "flood": bytes without end; "close": end the connection; or a text to answer with.
    """

    daemon_threads, allow_reuse_address, block_on_close = True, True, False

    def __init__(self, behavior: str = "answer"):
        super().__init__(("127.0.0.1", 0), _FakeHandler)
        self.behavior, self.port = behavior, self.server_address[1]
        self.windows: dict[str, dict] = {}  # messages by the name of the window
        self.requests: list[str] = []  # their first lines
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *arguments: object) -> None:
        self.shutdown()
        super().__exit__(*arguments)

    def handle_error(self, *_: object) -> None:
        """Ignore that a client has left."""


class _FakeHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        behavior, lines = self.server.behavior, []
        while line := self.rfile.readline().strip().decode():
            lines.append(line)
        length = next((int(line.split()[1]) for line in lines if line.startswith("Content-Length:")), 0)
        body = self.rfile.read(length)
        self.server.requests += lines[:1]
        while behavior in ("hang", "trickle", "flood"):
            if behavior != "hang":
                self.wfile.write(b"x" * (1 if behavior == "trickle" else 10000))
            if behavior != "flood":
                time.sleep(0.1)
        if behavior == "answer":
            message = json.loads(body)
            if "/events" in lines[0]:
                self.server.windows[message["win"]] = message
            behavior = "HTTP/1.0 200 OK\r\n\r\nfalse"
        if behavior != "close":
            self.wfile.write(behavior.encode())
