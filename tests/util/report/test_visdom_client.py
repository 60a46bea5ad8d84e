"""The client of the visdom server: whatever is at the other end, an answer or a reason within a limit of time."""

import socket
import threading
import time

import pytest

from tests.helpers.browser import wait_for
from tests.helpers.visdom_server import FakeServer, free_port
from util.report import visdom_client
from util.report.visdom_client import VisdomClient

REASONS = {
    "hang": "no answer within 0.5 s", "trickle": "no answer within 0.5 s", "flood": "no answer within 0.5 s",
    "close": "nothing answers", "SSH-2.0-OpenSSH_9.2": "something else answers there",
    "HTTP/1.0 200 OK\r\n\r\n<html>": "something else answers there",
    "HTTP/1.0 501 Unsupported\r\n\r\n": r"something else answers there \(501\)",
    "HTTP/1.0 400 Bad Request\r\n\r\n": "it asks for a user and a password",
}  # fmt: skip


@pytest.fixture
def half_a_second(monkeypatch):
    monkeypatch.setattr(visdom_client, "_CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(visdom_client, "_ANSWER_SECONDS", 0.5)


@pytest.mark.parametrize("behavior", REASONS)
@pytest.mark.usefixtures("half_a_second")
def test_visdom_client_says_in_time_what_is_wrong(behavior):
    with FakeServer(behavior) as server:
        client, before = VisdomClient("localhost", server.port), time.monotonic()
        with pytest.raises(ConnectionError, match=f"^{REASONS[behavior]}$"):
            client.check()
        assert time.monotonic() - before < 5


@pytest.fixture
def unreachable():
    """A port that takes no connection and refuses none, as behind a firewall."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.mark.usefixtures("half_a_second")
def test_visdom_client_connects_in_time_or_not_at_all(unreachable):
    for port in (unreachable, free_port()):
        with pytest.raises(ConnectionError, match="nothing answers"):
            VisdomClient("http://127.0.0.1", port).check()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behavior", ["hang", "trickle", "flood", "unreachable"])
def test_visdom_client_is_stopped_by_another_thread(behavior, scheme, unreachable, monkeypatch):
    """In time, also where it could wait for an hour: while connecting, during a handshake and for an answer."""
    monkeypatch.setattr(visdom_client, "_CONNECT_SECONDS", 3600)
    monkeypatch.setattr(visdom_client, "_ANSWER_SECONDS", 3600)
    reasons = []

    def request() -> None:
        try:
            client.check()
        except ConnectionError as error:
            reasons.append(str(error))

    with FakeServer(behavior) as server:
        client = VisdomClient(f"{scheme}://127.0.0.1", unreachable if behavior == "unreachable" else server.port)
        thread = threading.Thread(target=request, daemon=True)
        thread.start()
        wait_for(lambda: client._socket)
        time.sleep(0.2)
        before = time.monotonic()
        while thread.is_alive() and time.monotonic() < before + 10:
            client.stop()
            thread.join(0.1)
        assert not thread.is_alive() and time.monotonic() - before < 5
        assert len(reasons) == 1
        with pytest.raises(ConnectionError):
            client.check()  # from now on


def test_visdom_client_asks_a_proxy_except_for_this_machine(monkeypatch):
    with FakeServer() as proxy, FakeServer() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        VisdomClient("http://localhost", server.port).check()
        VisdomClient("http://far.example", 8097).check()
        assert server.requests == ["POST /win_exists HTTP/1.0"]
        assert proxy.requests == ["POST http://far.example:8097/win_exists HTTP/1.0"]
