"""The scripts that fetch vangogh2photo and pick its small subset, against a local server."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
NAMES = (SCRIPTS / "vangogh2photo-mini.txt").read_text().splitlines()


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with the scripts alone, which work in the folder above them."""
    shutil.copytree(SCRIPTS, tmp_path / "checkout/scripts")
    return tmp_path / "checkout"


@pytest.fixture
def server(tmp_path):
    """Serves vangogh2photo.zip with the pictures of the list, names with spaces as in the original, and one more."""
    (tmp_path / "www").mkdir()
    with zipfile.ZipFile(tmp_path / "www/vangogh2photo.zip", "w") as archive:
        for name in [*NAMES, "trainA/other.jpg"]:
            archive.writestr(f"vangogh2photo/{name.replace('_', ' ', 1)}", name)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "www")
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_download_then_the_mini_set(checkout, server):
    refused = run(checkout, "scripts/download_vangogh2photo.sh", f"{server}/nothing.zip")
    assert refused.returncode != 0 and not (checkout / "datasets/vangogh2photo").exists()
    fetched = run(checkout, "scripts/download_vangogh2photo.sh", f"{server}/vangogh2photo.zip")
    assert fetched.returncode == 0, fetched.stderr
    assert [p.name for p in (checkout / "datasets").iterdir()] == ["vangogh2photo"]
    assert "already there" in run(checkout, "scripts/download_vangogh2photo.sh", "http://127.0.0.1:1/").stdout

    assert run(checkout, sys.executable, "scripts/make_mini.py").returncode == 0
    mini = checkout / "datasets/vangogh2photo-mini"
    picked = sorted(p.relative_to(mini).as_posix() for p in mini.rglob("*.jpg"))
    assert picked == NAMES and (mini / NAMES[0]).read_text() == NAMES[0]


def test_a_mini_set_names_what_is_missing(checkout):
    (checkout / "datasets/vangogh2photo/trainA").mkdir(parents=True)
    result = run(checkout, sys.executable, "scripts/make_mini.py")
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and NAMES[0] in result.stderr
