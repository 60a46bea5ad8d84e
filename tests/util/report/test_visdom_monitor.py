"""The live monitor with the real server, in a real browser, and with all that can happen to a server."""

import http.server
import json
import signal
import socket
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.browser import broken_pictures, console_errors, requests_of, wait_for
from tests.runs import COLORCUT, start, train, weights_are_equal
from tests.visdom_server import VisdomServer, free_port
from util.report import visdom_monitor
from util.report.curves import values_of
from util.report.history import History
from util.report.metrics_log import read

NAME = 'van "gogh" <é> 漢'
# Visdom's client calls it.
pytestmark = pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated:DeprecationWarning")
# Of the pane with this title: its curves' names and points, and what its pictures look like.
PANE = """const pane = [...document.querySelectorAll('.window')].find(w => w.innerText.includes(arguments[0]));
          if (!pane) return null;"""
CURVES = (
    PANE
    + """const plot = pane.querySelector('.js-plotly-plot');
    return plot && plot.data ? plot.data.map(curve => [curve.name, [...curve.y]]) : null"""
)
PICTURES = (
    PANE
    + """return [...pane.querySelectorAll('figure')].map(f => {
    const image = f.querySelector('img'), canvas = document.createElement('canvas'), context = canvas.getContext('2d');
    canvas.width = image.naturalWidth; canvas.height = image.naturalHeight; context.drawImage(image, 0, 0);
    const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return [f.innerText.trim(), Math.max(...bytes.filter((_, i) => i % 4 < 3)) - Math.min(...bytes)]})"""
)


@pytest.fixture
def watched(visdom_server, tmp_path):
    """Options of a run that is watched on the server."""
    return monitored(visdom_server.port, tmp_path)


def monitored(port: int, folder: Path, **changes: object) -> Namespace:
    options = {"name": NAME, "display_id": None, "display_server": "http://localhost", "display_port": port,
               "display_env": "main", "display_ncols": 4, "display_winsize": 64, "display_username": None,
               "display_password": None}  # fmt: skip
    return Namespace(**{**options, **changes})


def record(epochs: float) -> dict:
    return {"epochs": epochs, "losses": {"G": 1 / (1 + epochs), "NCE": epochs}, "colors": {}, "learning_rate": 2e-4,
            "times": {"iteration": 0.5}}  # fmt: skip


def drawn(port: int, window: str, **login: str) -> dict | None:
    """What the server has of a window."""
    from util.report.visdom_client import Client

    client = Client("http://localhost", port, "main", login.get("username"), login.get("password"))
    name = f"{NAME} {window}"
    return json.loads(client.get_window_data(name)) if client.win_exists(name) else None


def points(port: int, window: str = "losses") -> int:
    return len(drawn(port, window)["content"]["data"][0]["x"])


def test_a_run_is_seen_on_the_page_and_goes_on_there(browser, visdom_server, pictures, tmp_path):
    places = ["--checkpoints_dir", tmp_path, "--name", NAME, "--display_port", visdom_server.port]
    run = train("--dataroot", pictures, *COLORCUT, *places, "--print_freq", 2, "--display_freq", 4, "--n_epochs", 3)
    assert run.stdout.count(f"live on http://localhost:{visdom_server.port}") == 1 and run.stderr == ""
    records = read(tmp_path / NAME / "metrics.jsonl")
    assert len(records) == 6

    browser.get(visdom_server.address)
    curves = wait_for(lambda: browser.execute_script(CURVES, f"{NAME}: losses"))
    assert dict(curves) == {name: [r["losses"][name] for r in records] for name in records[0]["losses"]}
    colors = dict(browser.execute_script(CURVES, f"{NAME}: colors"))
    assert set(colors) == set(records[0]["colors"]) and len(colors) == 8
    assert colors["spread_a"] == [r["colors"]["spread_a"] for r in records]
    for window, values in (("learning rate", [r["learning_rate"] for r in records]),
                           ("iterations per second", [1 / r["times"]["iteration"] for r in records])):  # fmt: skip
        assert browser.execute_script(CURVES, f"{NAME}: {window}") == [[window, pytest.approx(values)]]
    shown = browser.execute_script(PICTURES, f"{NAME}: pictures")
    assert [name for name, _ in shown] == ["real_A", "fake_B", "real_B", "idt_B", "rec_B"]
    assert all(contrast > 5 for _, contrast in shown) and broken_pictures(browser) == []
    browser.save_screenshot(str(tmp_path / "page.png"))
    assert console_errors(browser) == []
    assert all(f"//127.0.0.1:{visdom_server.port}/" in address for address in requests_of(browser))

    again = train(*places[:4], "--continue_train", "--n_epochs", 5, "--gpu_ids", -1)  # the port is restored
    assert again.returncode == 0, again.stderr
    longer = wait_for(lambda: (c := dict(browser.execute_script(CURVES, f"{NAME}: losses"))) != dict(curves) and c)
    assert {len(values) for values in longer.values()} == {10} and longer["NCE"][:6] == dict(curves)["NCE"]
    assert browser.execute_script("return document.querySelectorAll('.window').length") == 5


def through_all_faults(server: VisdomServer, states: Callable[[], list[str]], metrics: Path) -> tuple[int, int]:
    """Kill a watched run's server, start it, hold it for a minute; return the number of records at both ends."""

    def after(count: int) -> None:
        wait_for(lambda: len(states()) == count, 40)

    after(1)
    wait_for(lambda: len(read(metrics)) > 5, 60)
    server.kill()
    after(2)
    server.start()
    after(3)
    server.pause()
    held, since = len(read(metrics)), time.monotonic()
    after(4)
    time.sleep(max(0, since + 60 - time.monotonic()))
    until = len(read(metrics))
    server.resume()
    after(5)
    return held, until


def test_a_server_killed_held_and_back_costs_the_run_nothing(visdom_server, pictures, tmp_path):
    """Beside the same run without a monitor: the same weights, and 1% of its time at most in monitoring calls."""
    common = ["--dataroot", pictures, *COLORCUT, "--checkpoints_dir", tmp_path, "--n_epochs", 10000, "--no_html",
              "--print_freq", 20, "--display_freq", 40, "--save_latest_freq", 400, "--save_by_iter"]  # fmt: skip
    alone = start(*common, "--name", "alone", "--display_id", -1, "--quiet")
    run = start(*common, "--name", NAME, "--display_port", visdom_server.port)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(run.stdout), daemon=True)
    reader.start()
    metrics = tmp_path / NAME / "metrics.jsonl"

    def states() -> list[str]:
        return [line for line in lines if "live on" in line or "visdom" in line]

    try:
        held, until = through_all_faults(visdom_server, states, metrics)
        wait_for(lambda: run.poll() is None and points(visdom_server.port) >= until)
    finally:
        for process in (run, alone):
            process.send_signal(signal.SIGTERM)
            with process:  # waits, and closes its pipes
                reader.join()
    address = f"http://localhost:{visdom_server.port}"
    live, lost = f"live on {address}, environment main\n", f"visdom server at {address} lost ({{}}); training goes on\n"
    assert states() == [live, lost.format("nothing answers"), live, lost.format("no answer within 5 s"), live]

    records = read(metrics)
    spent, passed = (np.diff([records[n]["times"][name] for n in (held, until - 1)]) for name in ("monitor", "elapsed"))
    assert passed > 30 and spent < 0.01 * passed
    assert records[-1]["times"]["monitor"] < 0.01 * records[-1]["times"]["elapsed"]
    assert points(visdom_server.port) == len(records)
    assert drawn(visdom_server.port, "pictures")["content"].count("<img") == 5
    iterations = [{int(p.name.split("_")[1]) for p in folder.glob("iter_*_net_G.pth")}
                  for folder in (tmp_path / NAME, tmp_path / "alone")]  # fmt: skip
    common_end = max(iterations[0] & iterations[1])
    assert common_end >= 800 and weights_are_equal(tmp_path / NAME, tmp_path / "alone", f"iter_{common_end}")


class Refuser(http.server.BaseHTTPRequestHandler):
    """Another program that speaks HTTP."""

    def log_message(self, *_: object) -> None:
        pass


def test_a_port_that_another_program_has_costs_one_line(pictures, tmp_path):
    common = ["--dataroot", pictures, *COLORCUT, "--checkpoints_dir", tmp_path, "--n_epochs", 2, "--print_freq", 1]
    assert "visdom" not in train(*common, "--name", "alone", "--display_id", -1).stdout
    with http.server.HTTPServer(("127.0.0.1", 0), Refuser) as web, socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        cases = [(web.server_port, "something else answers there (501)"),
                 (silent.getsockname()[1], "no answer within 5 s"), (free_port(), "nothing answers")]  # fmt: skip
        for port, reason in cases:
            run = train(*common, "--name", f"on {port}", "--display_port", port)
            told = [line for line in run.stdout.splitlines() if "visdom" in line]
            assert run.returncode == 0 and run.stderr == "" and len(told) == 1, told
            assert told[0].startswith(f"no visdom server at http://localhost:{port} ({reason}); scripts/monitor.sh")
            assert weights_are_equal(tmp_path / "alone", tmp_path / f"on {port}", "latest")
        web.shutdown()


def test_while_a_server_is_held_only_the_newest_waits(watched, visdom_server, monkeypatch):
    history, said = History(), []
    monitor = visdom_monitor.connect(watched, history, said.append)
    draws, draw = [], monitor._draw
    monkeypatch.setattr(monitor, "_draw", lambda what: (draws.append(what), draw(what)))
    visdom_server.pause()
    before = time.monotonic()
    for number in range(500):
        history.add(number / 100, values_of(record(number / 100)))
        monitor.curves()
        monitor.pictures({"fake_B": torch.rand(2, 3, 32, 32) * 2 - 1}, f"picture {number}")
    assert time.monotonic() - before < 3 and monitor.seconds < 1
    visdom_server.resume()
    wait_for(lambda: "picture 499" in (drawn(visdom_server.port, "pictures") or {}).get("content", ""))
    wait_for(lambda: points(visdom_server.port) == 500)
    monitor.close()
    assert len(draws) < 10  # of 1000 that were asked for


def test_a_picture_is_shown_in_its_own_colours_under_its_own_name(watched, visdom_server, browser):
    watched.display_ncols = 0  # a window for each
    monitor = visdom_monitor.connect(watched, History(), print)
    colors = {"<b>red</b> & 'x'": (1.0, -1.0, -0.5), "緑": (-1.0, 0.5, -1.0)}
    flat = {name: torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 40, 60) for name, rgb in colors.items()}
    monitor.pictures(flat, "")
    monitor.close()
    browser.get(visdom_server.address)
    wait_for(lambda: len(browser.find_elements("tag name", "figure")) == 2)
    script = (
        PANE
        + """const image = pane.querySelector('img'), canvas = document.createElement('canvas');
        const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
        const pixel = [...context.getImageData(30, 20, 1, 1).data].slice(0, 3);
        return [pane.querySelector('figcaption').textContent, pixel]"""
    )
    for name, rgb in colors.items():
        caption, pixel = browser.execute_script(script, f"{NAME}: {name}")
        assert caption == name and pixel == pytest.approx([(value + 1) * 127.5 for value in rgb], abs=3)


def test_a_password_is_asked_for_and_taken(tmp_path):
    pytest.importorskip("visdom", reason="visdom is not installed; scripts/install.sh monitor installs it")
    with VisdomServer(tmp_path, "--username", "anna", VISDOM_PASSWORD="right") as server:
        history, said = History(), []
        history.add(0.5, values_of(record(0.5)))
        for login in ({}, {"display_username": "anna", "display_password": "wrong"}):
            visdom_monitor.connect(monitored(server.port, tmp_path, **login), history, said.append)
        assert "it asks for a user and a password" in said[0] and "user or password refused" in said[1]
        right = monitored(server.port, tmp_path, display_username="anna", display_password="right")
        monitor = visdom_monitor.connect(right, history, said.append)
        monitor.curves()
        monitor.close()
        assert said[2].startswith("live on") and len(said) == 3
        assert drawn(server.port, "losses", username="anna", password="right")["content"]["data"]


def test_a_username_without_a_password_costs_a_line_and_no_run(tmp_path):
    said = []
    options = monitored(1, tmp_path, display_username="anna")
    assert visdom_monitor.connect(options, History(), said.append) is None
    assert said == ["--display_username needs a password, VISDOM_PASSWORD or --display_password: no live monitor"]


def test_what_cannot_be_drawn_is_said_once_and_the_rest_is_drawn(watched, visdom_server):
    history, said = History(), []
    monitor = visdom_monitor.connect(watched, history, said.append)
    for number in range(3):
        monitor.pictures({"fake_B": torch.zeros(1, 2, 8, 8)}, "two channels")
        history.add(number, values_of(record(number)))
        monitor.curves()
        wait_for(lambda n=number: drawn(visdom_server.port, "losses") and points(visdom_server.port) == n + 1)
    monitor.close()
    assert [line.split(" (")[0] for line in said[1:]] == ["visdom: pictures cannot be drawn"]


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread here")
def test_drawing_leaves_the_processor_to_training(watched, monkeypatch):
    """Long curves, asked for at every one of very short steps."""
    history = History()
    for number in range(1000):
        history.add(number, dict.fromkeys([f"losses/{n}" for n in range(19)], 0.123456 * number))
    monitor = visdom_monitor.connect(watched, history, print)
    end = time.monotonic() + 6
    while time.monotonic() < end:
        monitor.pictures({name: torch.rand(1, 3, 64, 64) for name in ("real_A", "fake_B", "real_B")}, "")
        monitor.curves()
        time.sleep(0.001)
    spent = time.clock_gettime(time.pthread_getcpuclockid(monitor._thread.ident))
    assert spent < 0.05 * 6
    monitor.close()


def test_without_visdom_a_line_is_said_only_to_whom_asked(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "visdom", None)
    said = []
    for display_id in (None, -1, 0, 1):
        assert visdom_monitor.connect(monitored(1, tmp_path, display_id=display_id), History(), said.append) is None
    assert said == ["visdom is not installed (scripts/install.sh monitor): no live monitor"]


def test_it_can_be_switched_off(visdom_server, tmp_path):
    for display_id in (0, -1):
        options = monitored(visdom_server.port, tmp_path, display_id=display_id)
        assert visdom_monitor.connect(options, History(), pytest.fail) is None


def test_a_proxy_of_the_network_is_not_asked_for_this_machine(watched, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    said = []
    visdom_monitor.connect(watched, History(), said.append)
    assert said[0].startswith("live on")
