"""The scripts that download vangogh2photo, against a local server, pick its small subset, and make the demo's data."""

import functools
import http.server
import shutil
import subprocess
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.io import imread

from scripts.data import make_demo_data, make_mini
from tests.helpers.launch import ROOT, call, refusal

DOWNLOAD = "scripts/download_vangogh2photo.sh"
NAMES = (ROOT / "scripts/data/vangogh2photo-mini.txt").read_text().splitlines()


@pytest.fixture
def server(tmp_path):
    """Serves vangogh2photo.zip with the images of the list, names with spaces as in the original, and one more."""
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


def download(tree, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([DOWNLOAD, *arguments], cwd=tree, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_download_then_make_mini(tree, server):
    assert download(tree, f"{server}/nothing.zip").returncode != 0
    assert not (tree / "datasets/vangogh2photo").exists()
    fetched = download(tree, f"{server}/vangogh2photo.zip")
    assert fetched.returncode == 0, fetched.stderr
    assert [p.name for p in (tree / "datasets").iterdir()] == ["vangogh2photo"]
    assert "already there" in download(tree, "http://127.0.0.1:1/").stdout

    mini = tree / "datasets/vangogh2photo-mini"
    call(make_mini.main, f"{tree}/datasets/vangogh2photo {mini}")
    picked = sorted(p.relative_to(mini).as_posix() for p in mini.rglob("*.jpg"))
    assert picked == NAMES and (mini / NAMES[0]).read_text() == NAMES[0]


def test_make_mini_names_what_is_missing(tmp_path):
    (tmp_path / "full/trainA").mkdir(parents=True)
    assert NAMES[0] in refusal(make_mini.main, f"{tmp_path}/full {tmp_path}/mini", code=1)


def test_download_refuses_a_second_argument():
    refused = download(ROOT, "http://127.0.0.1:1/", "second")
    assert refused.returncode == 2 and refused.stderr.startswith("error: unexpected argument second")


def test_make_demo_data_has_gray_sources_and_covers_the_style_once(tmp_path):
    call(make_demo_data.main, str(tmp_path))
    train, test = (sorted((tmp_path / folder).iterdir()) for folder in ("trainB", "testB"))
    assert (len(train), len(test)) == (18, 6) and not {p.name for p in train} & {p.name for p in test}
    whole = np.zeros((288, 432, 3), np.uint8)
    for path in train + test:
        top, left = map(int, path.stem.split("_")[1:])
        whole[top : top + 72, left : left + 72] = imread(path)
    coffee = Image.fromarray(data.coffee()).resize((432, 288), Image.Resampling.LANCZOS)
    assert (whole == np.asarray(coffee)).all()
    for folder in ("trainA", "testA"):
        assert {imread(path).ndim for path in (tmp_path / folder).iterdir()} == {2}
    assert {path.stem for path in (tmp_path / "testA").iterdir()} == {"tissue", "motorcycle"}
