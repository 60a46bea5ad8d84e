"""The live monitor: no thread of it outlives close(), whatever the server does; what it draws, on a real page too."""

import json
import signal
import sys
import threading
import time
from argparse import Namespace

import pytest
import torch

from tests.helpers.browser import broken_images, console_errors, requests_of, wait_for
from tests.helpers.build import same_checkpoints
from tests.helpers.flags import COLORCUT, TINY
from tests.helpers.launch import output_of, run, start
from tests.helpers.visdom_server import FakeServer, VisdomServer, free_port
from util.report import visdom_monitor
from util.report.metrics_log import read
from util.report.visdom_client import VisdomClient

NAME = 'van "gogh" <é> 漢'
# Of the window with this title: names and points of its curves; captions, contrast and center pixels of its images.
FIND = "const pane = [...document.querySelectorAll('.window')].find(w => w.innerText.includes(arguments[0]));"
CURVES = f"""{FIND} const plot = pane && pane.querySelector('.js-plotly-plot');
    return plot && plot.data ? plot.data.map(curve => [curve.name, [...curve.y]]) : null"""
IMAGES = f"""{FIND} return pane && [...pane.querySelectorAll('figure')].map(f => {{
    const image = f.querySelector('img'), canvas = document.createElement('canvas'), context = canvas.getContext('2d');
    canvas.width = image.naturalWidth; canvas.height = image.naturalHeight; context.drawImage(image, 0, 0);
    const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const center = [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3);
    return [f.innerText.trim(), Math.max(...bytes.filter((_, i) => i % 4 < 3)) - Math.min(...bytes), center]}})"""


def record(epochs: float, **losses: float) -> dict:
    return {"epochs": epochs, "losses": {"G": 1 / (1 + epochs), **losses}, "colors": {}, "learning_rate": 2e-4,
            "times": {"iteration": 0.5}}  # fmt: skip


class Watched:
    """A monitor of a run, with what it printed."""

    def __init__(self, port: int, **changes: object):
        values = {"name": NAME, "display_id": 1, "display_server": "http://localhost", "display_port": port,
                  "display_env": "main", "display_ncols": 4, "display_winsize": 64, "display_username": None,
                  "display_password": None}  # fmt: skip
        self.records, self.lines = [record(0.5)], []
        self.monitor = visdom_monitor.connect(Namespace(**values | changes), self.records, self.lines.append)

    def draw(self, text: str = "", size: int = 32) -> None:
        self.monitor.draw_curves()
        self.monitor.draw_images({name: torch.rand(1, 3, size, size) for name in ("real_A", "fake_B")}, text)

    def close(self) -> float:
        """Return the seconds it took."""
        before = time.monotonic()
        self.monitor.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "visdom"]
        return time.monotonic() - before


def window_of(port: int, name: str, **login: str) -> dict | None:
    """What a real server has of a window."""
    client, window = VisdomClient("http://localhost", port, **login), {"eid": "main", "win": name}
    return json.loads(client.post("win_data", window)) if client.post("win_exists", window) == b"true" else None


# ---- the thread ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behavior", ["answer", "close", "hang", "trickle", "flood"])
@pytest.mark.parametrize("moment", ["before the run", "at its end", "before its end"])
def test_visdom_monitor_ends_whatever_the_server_does(behavior, moment, monkeypatch):
    answers, at_first = behavior == "answer", behavior if moment == "before the run" else "answer"
    monkeypatch.setattr("util.report.visdom_client._ANSWER_SECONDS", 0.5 if at_first != "answer" else 3600)
    monkeypatch.setattr(visdom_monitor, "_CLOSE_TIMEOUT", 3600 if answers else 0.5)
    with FakeServer(at_first) as server:
        watched = Watched(server.port)
        server.behavior = behavior
        watched.draw()
        time.sleep(0.3 if moment == "before its end" else 0)
        assert watched.close() < 10  # less than a second where nothing else runs
        assert (len(server.windows) == 4) == answers
        address = f"http://localhost:{server.port}"
        reason = "nothing answers" if behavior == "close" else "no answer within 0.5 s"
        lost = f"no visdom server at {address} ({reason}); scripts/monitor.sh starts one. Training goes on"
        assert watched.lines[0] == (f"live on {address}, environment main" if at_first == "answer" else lost)


def test_visdom_monitor_of_a_run_that_drew_nothing_is_closed():
    with FakeServer() as server:
        for port in (server.port, free_port()):
            assert Watched(port).close() < 3


def interrupt(timeout: float) -> None:
    raise KeyboardInterrupt


def test_visdom_monitor_ends_when_close_is_interrupted(monkeypatch):
    """Then the interpreter waits for the thread, which ends by itself."""
    monkeypatch.setattr("util.report.visdom_client._ANSWER_SECONDS", 0.5)
    with FakeServer() as server:
        watched = Watched(server.port)
        server.behavior = "hang"
        watched.draw()
        thread = watched.monitor._thread
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(thread, "join", interrupt)
            watched.monitor.close()
        assert not thread.daemon
        thread.join(20)
        assert not thread.is_alive()


ENDING = """
import sys, time, torch
from tests.util.report.test_visdom_monitor import Watched
from util.report import visdom_client
visdom_client._ANSWER_SECONDS = 1
watched = Watched(int(sys.argv[1]))
print(watched.lines[0], flush=True)
time.sleep(0.5)
watched.monitor.draw_images({str(n): torch.rand(1, 3, 1024, 1024) for n in range(8)}, "")
time.sleep(0.1)
watched.monitor.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("state", ["live", "paused", "paused at first"])
def test_visdom_monitor_lets_the_program_end_in_the_middle_of_drawing(visdom_server, state):
    """A thread that is torn down inside torch would abort the program with code 134."""
    if state != "live":
        visdom_server.pause()
    with start(["-c", ENDING, visdom_server.port]) as process:
        assert process.stdout.readline().startswith("live on" if state == "live" else "no visdom server")
        if state == "paused at first":
            visdom_server.resume()
        process.communicate()
    assert process.returncode == 0


# ---- what is drawn and said --------------------------------------------------------------------------------------


def test_visdom_monitor_draws_all_curves_again_after_a_restart(monkeypatch):
    monkeypatch.setattr(visdom_monitor, "_RETRY_SECONDS", 0.2)
    with FakeServer() as server:
        watched = Watched(server.port)
        for number in range(3):
            server.behavior = "close"
            watched.records.append(record(number + 1))
            watched.draw(f"image {number}")
            wait_for(lambda n=number: len(watched.lines) == 2 * n + 2)
            server.windows.clear()
            server.behavior = "answer"
            wait_for(lambda n=number: len(watched.lines) == 2 * n + 3)
            (curve,) = server.windows["1 losses"]["data"]
            assert curve["x"] == [0.5, 1, 2, 3][: number + 2]
            assert f"image {number}" in server.windows["1 images"]["data"][0]["content"]
        watched.close()
        address = f"http://localhost:{server.port}"
    live, lost = f"live on {address}, environment main", f"visdom server at {address} lost (nothing answers); "
    assert watched.lines == [live, *[lost + "training goes on", live] * 3]


def test_visdom_monitor_draws_only_the_newest_and_costs_training_nothing(monkeypatch):
    with FakeServer() as server:
        watched = Watched(server.port)
        held, posts, client, post = threading.Event(), [], watched.monitor._client, watched.monitor._client.post
        monkeypatch.setattr(client, "post", lambda *args: (held.wait(), posts.append(args), post(*args)))
        for number in range(500):
            watched.records.append(record(number + 1))
            watched.draw(f"image {number}")
        assert watched.monitor.seconds < 5
        held.set()
        wait_for(lambda: "image 499" in str(server.windows.get("1 images")))
        wait_for(lambda: len(server.windows["1 losses"]["data"][0]["x"]) == 501)
        watched.close()
        assert len(posts) < 20  # windows, of the 2000 that were asked for


def test_visdom_monitor_says_once_what_cannot_be_drawn_and_draws_the_rest():
    with FakeServer() as server:
        watched = Watched(server.port)
        for number in range(3):
            watched.monitor.draw_images({"fake_B": torch.zeros(1, 2, 8, 8)}, "two channels")
            watched.records.append(record(number + 1))
            watched.monitor.draw_curves()
            wait_for(lambda n=number: len(server.windows.get("1 losses", {"data": [{"x": []}]})["data"][0]["x"])
                     == n + 2)  # fmt: skip
        watched.close()
    assert [line.split(" (")[0] for line in watched.lines[1:]] == ["visdom: images cannot be drawn"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread here")
def test_visdom_monitor_leaves_the_processor_to_training():
    """Curves of a run, asked for at every one of very short steps."""
    costs = []  # processor seconds of each drawing
    with FakeServer() as server:
        watched = Watched(server.port)
        watched.records += [record(number, **dict.fromkeys("abcdefghijklmnopqr", 0.1234567)) for number in range(2400)]
        draw = watched.monitor._draw

        def measured_draw() -> None:
            before = time.thread_time()
            draw()
            costs.append(time.thread_time() - before)

        watched.monitor._draw = measured_draw
        start = time.monotonic()
        while time.monotonic() < start + 4 or len(costs) < 2:
            watched.draw(size=64)
            time.sleep(0.001)
        spent = time.clock_gettime(time.pthread_getcpuclockid(watched.monitor._thread.ident))
        elapsed = time.monotonic() - start
        watched.close()
    # The pause after the last drawing, or the end of the one that runs now, is still to come.
    assert spent < 0.03 * elapsed + 2 * max(costs)


# ---- who asks for it ---------------------------------------------------------------------------------------------


def test_visdom_monitor_is_there_if_visdom_is_or_if_asked_for(monkeypatch):
    with FakeServer() as server:
        for display_id, installed, without in ((None, True, False), (1, True, True), (0, False, False)):
            assert bool(Watched(server.port, display_id=display_id).monitor) == installed
            with monkeypatch.context() as patch:
                patch.setitem(sys.modules, "visdom", None)
                patch.setattr("importlib.util.find_spec", lambda name: None)
                watched = Watched(server.port, display_id=display_id)
            assert bool(watched.monitor) == without and len(watched.lines) == without


@pytest.mark.parametrize(("flags", "reason"), [
    ({"display_username": "anna"},
     "--display_username needs a password, VISDOM_PASSWORD or --display_password: no live monitor"),
    ({"display_server": "http://nowhere.invalid"}, "--display_server http://nowhere.invalid: "),
])  # fmt: skip
def test_visdom_monitor_that_cannot_work_costs_a_line_and_no_run(flags, reason):
    watched = Watched(1, **flags)
    assert watched.monitor is None and len(watched.lines) == 1 and watched.lines[0].startswith(reason)


@pytest.mark.slow
def test_visdom_monitor_logs_in(tmp_path):
    pytest.importorskip("visdom", reason="visdom is not installed; scripts/install.sh monitor installs it")
    with VisdomServer(tmp_path, "--username", "anna", VISDOM_PASSWORD="right") as server:
        assert "it asks for a user and a password" in Watched(server.port).lines[0]
        wrong = Watched(server.port, display_username="anna", display_password="wrong")
        assert "user or password refused" in wrong.lines[0]
        watched = Watched(server.port, display_username="anna", display_password="right")
        watched.draw()
        watched.close()
        assert watched.lines == [f"live on http://localhost:{server.port}, environment main"]
        assert window_of(server.port, "1 losses", username="anna", password="right")["content"]["data"]


# ---- with train.py -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_visdom_monitor_shows_a_run_on_the_page_and_its_continuation(browser, visdom_server, dataroot, tmp_path):
    place = ["--checkpoints_dir", tmp_path, "--name", NAME]
    flags = [*f"{TINY} {COLORCUT} --print_freq 2 --display_freq 4 --n_epochs 3 --n_epochs_decay 0".split()]
    printed = output_of(["train.py", "--dataroot", dataroot, *place, "--display_port", visdom_server.port, *flags])
    assert printed.count(f"live on http://localhost:{visdom_server.port}") == 1
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
    shown = browser.execute_script(IMAGES, f"{NAME}: images")
    assert [name for name, _, _ in shown] == ["real_A", "fake_B", "real_B", "idt_B", "rec_B"]
    assert all(contrast > 5 for _, contrast, _ in shown) and broken_images(browser) == []
    assert console_errors(browser) == []
    assert all(f"//127.0.0.1:{visdom_server.port}/" in address for address in requests_of(browser))

    output_of(["train.py", *place, "--continue_train", "--n_epochs", 5, "--gpu_ids", -1])  # the port is restored
    wait_for(lambda: {len(y) for _, y in browser.execute_script(CURVES, f"{NAME}: losses")} == {10})
    longer = dict(browser.execute_script(CURVES, f"{NAME}: losses"))
    assert longer["NCE"][:6] == dict(curves)["NCE"]
    assert browser.execute_script("return document.querySelectorAll('.window').length") == 5

    watched = Watched(visdom_server.port, display_ncols=0)  # a window for each image, in its own colors
    colors = {"<b>red</b> & 'x'": (1.0, -1.0, -0.5), "緑": (-1.0, 0.5, -1.0)}
    flat = {name: torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 40, 60) for name, rgb in colors.items()}
    watched.monitor.draw_images(flat, "")
    watched.close()
    for name, rgb in colors.items():
        ((caption, _, pixel),) = wait_for(lambda name=name: browser.execute_script(IMAGES, f"{NAME}: {name}"))
        assert caption == name and pixel == pytest.approx([(value + 1) * 127.5 for value in rgb], abs=3)


@pytest.mark.slow
def test_visdom_monitor_of_a_server_that_hangs_and_comes_back_costs_the_run_nothing(visdom_server, dataroot, tmp_path):
    """1% of its time at most in monitoring calls; and the weights are those of the same run without a monitor."""
    often = "--print_freq 20 --display_freq 40 --save_latest_freq 200 --save_by_iter"
    flags = [*f"train.py {TINY} {COLORCUT} --no_html --lr_policy linear --n_epochs_decay 0 {often}".split()]
    flags += ["--dataroot", dataroot, "--checkpoints_dir", tmp_path]
    watched = start([*flags, "--n_epochs", 10000, "--name", NAME, "--display_port", visdom_server.port])
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(watched.stdout), daemon=True)
    reader.start()

    def states() -> list[str]:
        return [line for line in lines if line.startswith("live on") or "visdom server" in line]

    def records() -> list[dict]:
        return read(tmp_path / NAME / "metrics.jsonl")

    def points() -> int:
        window = window_of(visdom_server.port, f"{NAME} losses")
        return len(window["content"]["data"][0]["x"]) if window else 0

    try:
        wait_for(lambda: points() > 3)
        visdom_server.pause()
        first = len(records())
        wait_for(lambda: len(states()) == 2)
        wait_for(lambda: len(records()) > first + 10)
        last = len(records())
        visdom_server.restart()
        wait_for(lambda: len(states()) == 3 and points() >= last)
    finally:
        watched.send_signal(signal.SIGTERM)
        with watched:  # waits, and closes its pipes
            reader.join()
    assert watched.returncode == 143 and points() == len(records())
    live = f"live on http://localhost:{visdom_server.port}, environment main\n"
    lost = f"visdom server at http://localhost:{visdom_server.port} lost (no answer within 5 s); training goes on\n"
    assert states() == [live, lost, live]
    assert window_of(visdom_server.port, f"{NAME} images")["content"].count("<img") == 5
    monitor, elapsed = ([record["times"][name] for record in records()] for name in ("monitor", "elapsed"))
    assert monitor[last - 1] - monitor[first] < 0.01 * (elapsed[last - 1] - elapsed[first])
    assert monitor[-1] < 0.01 * elapsed[-1]
    last_save = max(int(path.name.split("_")[1]) for path in (tmp_path / NAME).glob("iter_*_net_G.pth"))
    run([*flags, "--n_epochs", last_save // 4, "--name", "alone", "--display_id", -1])
    assert same_checkpoints(tmp_path / NAME, tmp_path / "alone", f"iter_{last_save}")
