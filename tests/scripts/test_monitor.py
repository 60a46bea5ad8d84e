"""scripts/monitor.py with the real visdom and in a real browser, and the files of its page."""

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tests.browser import broken_pictures, console_errors, requests_of, wait_for
from tests.visdom_server import VisdomServer, answers, free_port

ROOT = Path(__file__).parents[2]
FETCH = "scripts/fetch_monitor_assets.py"
# What the page draws: sizes of pictures that are seen, values of each curve of each plot.
PICTURES = "return [...document.images].filter(i => i.offsetWidth).map(i => [i.naturalWidth, i.naturalHeight])"
CURVES = "return [...document.querySelectorAll('.js-plotly-plot')].map(p => (p.data || []).map(curve => [...curve.y]))"
TEXT = "return document.body.innerText"
# Visdom's client calls it.
pytestmark = pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated:DeprecationWarning")


@pytest.fixture
def visdom():
    return pytest.importorskip("visdom", reason="visdom is not installed; scripts/install.sh monitor installs it")


@pytest.fixture
def assets() -> None:
    files = [file for package in listed(ROOT).values() for file in package["files"]]
    if not all((ROOT / ".visdom/static" / file).exists() for file in files):
        pytest.skip(f"the page's assets are not there; {FETCH} fetches them with npm")


@pytest.fixture
def small(tree, tmp_path) -> Path:
    """The tree with one small package as all that the page needs, which the programs of the folder `npm` deliver."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/a.js").write_text("content")
    (tmp_path / "npm").mkdir()
    archive = tmp_path / "npm/page-1.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "package", "package")
    npm(tmp_path, f'echo "$@" >> "{tmp_path}/calls"; cp "{archive}" .')
    package = {"version": "1.0", "integrity": integrity(archive),
               "files": {"js/b.js": {"from": "a.js", "sha256": hashlib.sha256(b"content").hexdigest()}}}  # fmt: skip
    (tree / "scripts/monitor_assets.json").write_text(json.dumps({"page": package}))
    return tree


def npm(folder: Path, command: str) -> None:
    (folder / "npm/npm").write_text(f"#!/bin/sh\n{command}\n")
    (folder / "npm/npm").chmod(0o755)


def integrity(archive: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()


def listed(root: Path) -> dict:
    return json.loads((root / "scripts/monitor_assets.json").read_text())


def fetch(tree: Path, path: str | None = None) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PATH": path or f"{tree.parent / 'npm'}:{os.environ['PATH']}"}
    return subprocess.run([sys.executable, FETCH], cwd=tree, env=environment, capture_output=True, text=True)


def monitor(*arguments, root: Path = ROOT, **environment) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, root / "scripts/monitor.py", *map(str, arguments)], timeout=60,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)  # fmt: skip


def client(visdom, server: VisdomServer, **login):
    return visdom.Visdom(server="http://127.0.0.1", port=server.port, use_incoming_socket=False,
                         raise_exceptions=True, **login)  # fmt: skip


def status(address: str, data: bytes | None = None) -> int:
    try:
        with urllib.request.urlopen(address, data, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def draw(visdom, server: VisdomServer, **login) -> list[float]:
    """Draw a curve and a picture; return the curve's values."""
    values = [0.5, 0.25, 0.125, 0.0625, 0.03125]
    drawing = client(visdom, server, **login)
    drawing.line(X=np.arange(5), Y=np.array(values), win="loss", opts={"title": "loss"})
    drawing.image(np.full((3, 40, 60), 200, np.uint8), win="picture", opts={"title": "picture"})
    return values


def test_the_page_shows_what_a_client_draws_and_asks_nobody_else(assets, visdom, browser, visdom_server):
    browser.get(visdom_server.address)
    wait_for(lambda: "online" in browser.execute_script(TEXT))
    values = draw(visdom, visdom_server)
    wait_for(lambda: browser.execute_script(CURVES) == [[values]])
    wait_for(lambda: browser.execute_script(PICTURES) == [[60, 40]])
    assert broken_pictures(browser) == []
    addresses = requests_of(browser)
    assert f"ws://127.0.0.1:{visdom_server.port}/socket" in addresses
    assert [a for a in addresses if f"//127.0.0.1:{visdom_server.port}/" not in a] == []
    assert console_errors(browser) == []


def test_a_formula_in_a_title_is_set_by_files_of_the_page(assets, visdom, browser, visdom_server):
    client(visdom, visdom_server).line(Y=np.arange(3), win="m", opts={"title": r"$\int_0^1 \mathbf{x}_2 + \alpha$"})
    browser.get(visdom_server.address)
    wait_for(lambda: browser.find_elements("css selector", ".js-plotly-plot .gtitle-math"))
    assert console_errors(browser) == []


def test_who_logs_in_sees_the_page(assets, visdom, browser, tmp_path):
    with VisdomServer(tmp_path, "--username", "anna", VISDOM_PASSWORD="right") as server:
        browser.get(server.address)
        for password, seen in (("wrong", "Invalid Login Information"), ("right", "Environment")):
            for field, text in (("inputUsername", "anna"), ("inputPassword", password)):
                browser.find_element("id", field).clear()
                browser.find_element("id", field).send_keys(text)
            browser.find_element("id", "submitButton").click()
            wait_for(lambda seen=seen: seen in browser.execute_script(TEXT))
        values = draw(visdom, server, username="anna", password="right")
        wait_for(lambda: browser.execute_script(CURVES) == [[values]])


def test_without_the_password_nothing_is_drawn_or_read(visdom, tmp_path):
    with VisdomServer(tmp_path, "--username", "anna", VISDOM_PASSWORD="right") as server:
        draw(visdom, server, username="anna", password="right")
        for path, message in (("events", {"data": [{"type": "text", "content": "x"}]}), ("win_data", {"win": "loss"})):
            assert status(f"{server.address}/{path}", json.dumps(message).encode()) == 400
        with pytest.raises(RuntimeError, match="Authentication failed"):
            client(visdom, server, username="anna", password="wrong")
        secret = tmp_path / "environments/COOKIE_SECRET"
        assert secret.stat().st_mode & 0o777 == 0o600
        before = secret.read_text()
        server.restart()
        assert secret.read_text() == before
    assert not (Path.home() / ".visdom/COOKIE_SECRET").exists()


def test_a_username_without_a_password_ends_in_one_line(visdom, tmp_path):
    refused = monitor("--username", "anna", "--env_path", tmp_path, "--port", free_port(), VISDOM_PASSWORD="")
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr.splitlines()[-1] == "error: --username needs a password: set VISDOM_PASSWORD or type one"


def test_only_this_machine_is_served(visdom_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: it finds the address that is used for the outside
        assert not answers(visdom_server.port, probe.getsockname()[0])
    assert answers(visdom_server.port) and not answers(visdom_server.port, "127.0.0.2")


def test_a_port_that_is_taken_ends_in_one_line(visdom, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = monitor("--port", port, "--env_path", tmp_path)
    assert refused.returncode == 1 and refused.stdout == "" and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith(f"error: port {port} is taken")
    assert refused.stderr.endswith("choose another with --port N\n")


def test_without_visdom_one_line_says_how_to_install_it(tree):
    (tree / "scripts/visdom.py").write_text("raise ImportError\n")
    refused = monitor(root=tree)
    assert refused.returncode == 1
    assert refused.stderr == "error: visdom is not installed; scripts/install.sh monitor brings it\n"


def test_without_its_files_the_page_is_missed_and_clients_are_served(visdom, tree, tmp_path):
    with VisdomServer(tmp_path, root=tree) as server:
        draw(visdom, server)
        assert client(visdom, server).win_exists("picture")
        assert status(server.address) == 200 and status(f"{server.address}/static/js/main.js") == 200
        assert status(f"{server.address}/static/js/jquery.min.js") == 404
        warning = server.log.read_text().splitlines()[0]
    assert warning.startswith("warning: visdom's page stays blank, it lacks ") and FETCH in warning


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_script_says_where_the_page_is_downloads_nothing_and_ends_quietly(visdom, tmp_path, number):
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as proxy, (tmp_path / "log").open("w") as log:
        proxy.settimeout(0.1)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {**os.environ, "PATH": "/usr/bin:/bin", "VIRTUAL_ENV": sys.prefix, "http_proxy": address,
                       "https_proxy": address}  # fmt: skip
        process = subprocess.Popen([ROOT / "scripts/monitor.sh", "--port", str(port), "--env_path", tmp_path],
                                   env=environment, stdout=log, stderr=subprocess.STDOUT)  # fmt: skip
        try:
            wait_for(lambda: (tmp_path / "log").read_text().count("ssh -N -L"), seconds=60)
            assert status(f"http://127.0.0.1:{port}") == 200
            with pytest.raises(TimeoutError):
                proxy.accept()
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
    lines = (tmp_path / "log").read_text().splitlines()  # the first may say that files of the page are missing
    assert lines[-2] == f"visdom: http://localhost:{port} (Ctrl-C ends it)"
    assert lines[-1] == f"from another machine: ssh -N -L {port}:localhost:{port} USER@{socket.gethostname()}"
    assert all(line.startswith("warning: visdom's page stays blank") for line in lines[:-2])


def test_a_fetch_puts_files_in_place_once(small, tmp_path):
    placed = small / ".visdom/static/js/b.js"
    assert fetch(small).stdout == "visdom's page: 1 files of 1 packages fetched\n" and placed.read_text() == "content"
    npm(tmp_path, f'echo again >> "{tmp_path}/calls"; exit 1')
    again = fetch(small)
    assert again.returncode == 0 and again.stdout == again.stderr == ""
    calls = (tmp_path / "calls").read_text()
    assert calls.count("\n") == 1 and calls.endswith(" page@1.0\n")


def test_a_file_that_was_cut_short_is_fetched_again(small):
    placed = small / ".visdom/static/js/b.js"
    placed.parent.mkdir(parents=True)
    placed.write_text("cont")
    assert fetch(small).returncode == 0 and placed.read_text() == "content"


def test_an_archive_with_a_wrong_checksum_is_refused_by_name(small):
    packages = listed(small)
    packages["page"]["integrity"] = "sha512-" + "A" * 86 + "=="
    (small / "scripts/monitor_assets.json").write_text(json.dumps(packages))
    refused = fetch(small)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("error: the archive of page 1.0 has a wrong checksum, nothing is put in place")
    assert not (small / ".visdom").exists()


def test_without_npm_one_line_says_what_is_missing_and_what_works(small):
    refused = fetch(small, path="/nowhere")
    assert refused.returncode == 1
    assert refused.stderr == ("error: npm is not installed: visdom's page stays blank and all else works; "
                              f"{FETCH} tries again\n")  # fmt: skip


def test_a_fetch_that_fails_ends_in_one_line(small, tmp_path):
    npm(tmp_path, "echo npm error code ENOTFOUND >&2; echo npm error more >&2; exit 1")
    refused = fetch(small)
    assert refused.returncode == 1 and not (small / ".visdom").exists()
    assert refused.stderr.startswith("error: nothing was fetched (npm error code ENOTFOUND): visdom's page stays blank")
    assert refused.stderr.count("\n") == 1
