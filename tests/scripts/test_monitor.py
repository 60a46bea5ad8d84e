"""scripts/monitor.sh with the real visdom and in a real browser, and the files of its page."""

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

from tests.helpers.browser import broken_images, console_errors, requests_of, wait_for
from tests.helpers.launch import ROOT, error_of, output_of, run
from tests.helpers.visdom_server import VisdomServer, answers, free_port

FETCH = "-m scripts.monitor.fetch_assets"
ASSETS = "scripts/monitor/assets.json"
# What the page draws: sizes of the visible images, values of each curve of each plot.
IMAGES = "return [...document.images].filter(i => i.offsetWidth).map(i => [i.naturalWidth, i.naturalHeight])"
CURVES = "return [...document.querySelectorAll('.js-plotly-plot')].map(p => (p.data || []).map(curve => [...curve.y]))"
TEXT = "return document.body.innerText"
pytestmark = [
    pytest.mark.slow,
    # Visdom's client calls it.
    pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated:DeprecationWarning"),
]


@pytest.fixture
def visdom():
    return pytest.importorskip("visdom", reason="visdom is not installed; scripts/install.sh monitor installs it")


@pytest.fixture
def assets() -> None:
    files = [file for package in json.loads((ROOT / ASSETS).read_text()).values() for file in package["files"]]
    if not all((ROOT / ".visdom/static" / file).exists() for file in files):
        pytest.skip("the page's files are not there; scripts/install.sh monitor fetches them with npm")


@pytest.fixture
def small(tree, tmp_path, monkeypatch) -> Path:
    """The tree with one small package as all that the page needs, which a stand-in for npm delivers."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/a.js").write_text("content")
    (tmp_path / "npm").mkdir()
    archive = tmp_path / "npm/page-1.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "package", "package")
    npm(tmp_path, f'echo "$@" >> "{tmp_path}/calls"; cp "{archive}" .')
    monkeypatch.setenv("PATH", f"{tmp_path / 'npm'}:{os.environ['PATH']}")
    set_checksum(tree, hashlib.sha256(b"content").hexdigest())
    return tree


def npm(folder: Path, command: str) -> None:
    (folder / "npm/npm").write_text(f"#!/bin/sh\n{command}\n")
    (folder / "npm/npm").chmod(0o755)


def set_checksum(tree: Path, checksum: str) -> None:
    package = {"version": "1.0", "files": {"js/b.js": {"from": "a.js", "sha256": checksum}}}
    (tree / ASSETS).write_text(json.dumps({"page": package}))


def client(visdom, server: VisdomServer, **login):
    address = {"server": "http://127.0.0.1", "port": server.port}
    return visdom.Visdom(**address, use_incoming_socket=False, raise_exceptions=True, **login)


def status(address: str, data: bytes | None = None) -> int:
    try:
        with urllib.request.urlopen(address, data, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def draw(visdom, server: VisdomServer, **login) -> list[float]:
    """Draw a curve and an image; return the curve's values."""
    values = [0.5, 0.25, 0.125, 0.0625, 0.03125]
    drawing = client(visdom, server, **login)
    drawing.line(X=np.arange(5), Y=np.array(values), win="loss", opts={"title": "loss"})
    drawing.image(np.full((3, 40, 60), 200, np.uint8), win="image", opts={"title": "image"})
    return values


def test_page_shows_what_a_client_draws_and_asks_no_other_server(assets, visdom, browser, visdom_server):
    browser.get(visdom_server.address)
    wait_for(lambda: "online" in browser.execute_script(TEXT))
    values = draw(visdom, visdom_server)
    wait_for(lambda: browser.execute_script(CURVES) == [[values]])
    wait_for(lambda: browser.execute_script(IMAGES) == [[60, 40]])
    assert broken_images(browser) == []
    addresses = requests_of(browser)
    assert f"ws://127.0.0.1:{visdom_server.port}/socket" in addresses
    assert [a for a in addresses if f"//127.0.0.1:{visdom_server.port}/" not in a] == []
    assert console_errors(browser) == []


def test_page_sets_a_formula_in_a_title_with_its_own_files(assets, visdom, browser, visdom_server):
    client(visdom, visdom_server).line(Y=np.arange(3), win="m", opts={"title": r"$\int_0^1 \mathbf{x}_2 + \alpha$"})
    browser.get(visdom_server.address)
    wait_for(lambda: browser.find_elements("css selector", ".js-plotly-plot .gtitle-math"))
    assert console_errors(browser) == []


def test_page_is_shown_after_a_login(assets, visdom, browser, tmp_path):
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


def test_server_draws_and_shows_nothing_without_the_password(visdom, tmp_path):
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


def test_monitor_refuses_a_username_without_a_password(visdom, tmp_path):
    command = f"-m scripts.monitor.serve --username anna --env_path {tmp_path} --port {free_port()}"
    refused = run(command, code=2, VISDOM_PASSWORD="")
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[-1] == "error: --username needs a password: set VISDOM_PASSWORD or type one"


def test_server_answers_this_machine_only(visdom_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: it finds the address that is used for the outside
        assert not answers(visdom_server.port, probe.getsockname()[0])
    assert answers(visdom_server.port) and not answers(visdom_server.port, "127.0.0.2")


def test_monitor_names_a_port_that_is_taken(visdom, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = error_of(f"-m scripts.monitor.serve --port {port} --env_path {tmp_path}")
    assert error.startswith(f"error: port {port} is taken") and error.endswith("choose another with --port N\n")


def test_monitor_without_visdom_says_how_to_install_it(tree):
    (tree / "visdom.py").write_text("raise ImportError\n")
    error = error_of("-m scripts.monitor.serve", cwd=tree)
    assert error == "error: visdom is not installed; scripts/install.sh monitor installs it\n"


def test_server_serves_clients_without_the_files_of_the_page(visdom, tree, tmp_path):
    with VisdomServer(tmp_path, root=tree) as server:
        draw(visdom, server)
        assert client(visdom, server).win_exists("image")
        assert status(server.address) == 200 and status(f"{server.address}/static/js/main.js") == 200
        assert status(f"{server.address}/static/js/jquery.min.js") == 404
        warning = server.log.read_text().splitlines()[0]
    assert warning.startswith("warning: visdom's page stays blank, it lacks ")
    assert warning.endswith("scripts/install.sh monitor fetches the files")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_monitor_prints_its_address_downloads_nothing_and_ends_quietly(visdom, tmp_path, number):
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as proxy, (tmp_path / "log").open("w") as log:
        proxy.settimeout(0.1)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {
            "PATH": "/usr/bin:/bin",
            "VIRTUAL_ENV": sys.prefix,
            "http_proxy": address,
            "https_proxy": address,
        }
        command = [ROOT / "scripts/monitor.sh", "--port", str(port), "--env_path", tmp_path]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: (tmp_path / "log").read_text().count("ssh -N -L"), seconds=120)
            assert status(f"http://127.0.0.1:{port}") == 200
            with pytest.raises(TimeoutError):
                proxy.accept()
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
    *warnings, first, second = (tmp_path / "log").read_text().splitlines()
    assert first == f"visdom: http://localhost:{port} (Ctrl-C ends it)"
    assert second == f"from another machine: ssh -N -L {port}:localhost:{port} USER@{socket.gethostname()}"
    assert all(line.startswith("warning: visdom's page stays blank") for line in warnings)


def test_fetch_assets_puts_files_in_place_once_over_one_that_is_cut_short(small, tmp_path):
    placed = small / ".visdom/static/js/b.js"
    placed.parent.mkdir(parents=True)
    placed.write_text("cont")
    assert output_of(FETCH, small) == "visdom's page: 1 files of 1 packages fetched\n"
    assert placed.read_text() == "content"
    npm(tmp_path, f'echo again >> "{tmp_path}/calls"; exit 1')
    again = run(FETCH, cwd=small)
    assert again.stdout == again.stderr == ""
    calls = (tmp_path / "calls").read_text()
    assert calls.count("\n") == 1 and calls.endswith(" page@1.0\n")


def test_fetch_assets_refuses_a_file_with_a_wrong_checksum(small):
    set_checksum(small, "0" * 64)
    error = error_of(FETCH, cwd=small)
    assert error.startswith(
        "error: js/b.js of page 1.0 has a wrong checksum, no file is kept: visdom's page stays blank"
    )
    assert not (small / ".visdom").exists()


def test_fetch_assets_without_npm_says_what_is_missing_and_what_works(small):
    consequence = "visdom's page stays blank, all else works; scripts/install.sh monitor tries again"
    assert error_of(FETCH, cwd=small, PATH="/nowhere") == f"error: npm is not installed: {consequence}\n"


def test_fetch_assets_reports_a_failure_of_npm(small, tmp_path):
    npm(tmp_path, "echo npm error code ENOTFOUND >&2; echo npm error more >&2; exit 1")
    error = error_of(FETCH, cwd=small)
    assert error.startswith("error: nothing was fetched (npm error code ENOTFOUND): visdom's page stays blank")
    assert not (small / ".visdom").exists()
