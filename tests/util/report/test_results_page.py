"""The results of a test: mirrored folders, names that collide, every image on the page; and util.py's helpers."""

from argparse import Namespace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.browser import broken_images, console_errors, load_images, requests_of
from util.report import html
from util.report.results_page import ResultsPage
from util.util import crossed, save_image, tensor2im


class Sources(HTMLParser):
    """The files that a page shows."""

    def __init__(self, page: Path):
        super().__init__()
        self.files: list[Path] = []
        self.folder = page.parent
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.files.append(self.folder / unquote(dict(attrs)["src"]))


def options(tmp_path, **more) -> Namespace:
    return Namespace(results_dir=tmp_path / "results", checkpoints_dir=tmp_path / "checkpoints", name="run", epoch=3,
                     phase="test", dataroot=tmp_path / "set", display_winsize=256, **more)  # fmt: skip


def image(value: float) -> torch.Tensor:
    return torch.full((1, 3, 4, 4), value)


def test_results_page_mirrors_folders_and_no_names_collide(tmp_path):
    results = ResultsPage(options(tmp_path), "ngf: 64")
    root = tmp_path / "set"
    paths = ["testA/a.png", "testA/a.jpg", "testA/deep/a.png", "testA/A.png", "testA/a.png", "else where/<é>.png"]
    for number, path in enumerate(paths):
        results.add({"fake_B": image(number / 10)}, str(root / path))
    results.add({"fake_B": image(0.9)}, "/outside/a.png")
    folder = results.save()
    assert folder == tmp_path / "results/run/test_3" and results.count == 7
    files = sorted(p.relative_to(folder / "images/fake_B").as_posix().lower() for p in folder.rglob("*.png"))
    assert len(set(files)) == 7 and {"a.png", "deep/a.png", "else where/<é>.png", "a_jpg.png"} <= set(files)
    shown = Sources(folder / "index.html").files
    assert len(shown) == 7 and all(file.is_file() for file in shown)
    assert "ngf: 64" in (folder / "index.html").read_text()
    values = [np.asarray(Image.open(file))[0, 0, 0] for file in shown]
    assert values == [round((v + 1) * 127.5) for v in (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9)]


@pytest.mark.slow
def test_results_page_loads_hundreds_of_images_as_they_come_into_sight(tmp_path, browser):
    """From disk, without a network, whatever the names are; only the first screens are loaded at the start."""
    results = ResultsPage(options(tmp_path), "ngf: 64")
    names = ["a b", 'it\'s "so"', "<b>&amp;", "漢字", "č%20#1?x=y", *map(str, range(300))]
    for name in names:
        pixels = torch.rand(1, 3, 64, 96) * 2 - 1
        results.add({"real_A": pixels, "fake_B": -pixels}, str(tmp_path / f"set/testA/sub dir/{name}.jpg"))
    browser.get((results.save() / "index.html").as_uri())
    assert browser.execute_script("return [...document.querySelectorAll('h2')].map(h => h.textContent)") == [
        f"sub dir/{name}" for name in names]  # fmt: skip
    images = browser.find_elements("tag name", "img")
    assert len(images) == 610 and 400 < len(broken_images(browser)) < 610
    assert browser.execute_script("return [...document.images].every(i => i.height == Math.round(i.width * 64 / 96))")
    load_images(browser)
    assert console_errors(browser) == []
    assert all(address.startswith("file://") for address in requests_of(browser))


def test_results_page_without_dominate_still_writes_images(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(html, "dominate", None)
    html._print_once.cache_clear()
    results = ResultsPage(options(tmp_path), "ngf: 64")
    results.add({"fake_B": image(0)}, "a.png")
    folder = results.save()
    assert (folder / "images/fake_B/a.png").is_file() and not (folder / "index.html").exists()
    assert capsys.readouterr().out.count("\n") == 1


def test_tensor2im_and_save_image_keep_bytes(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    assert (tensor2im(tensor) == pixels).all()
    assert tensor2im(tensor * 10).max() == 255
    save_image(tensor2im(tensor), tmp_path / "new/a.png")
    assert (np.asarray(Image.open(tmp_path / "new/a.png")) == pixels).all()


@pytest.mark.parametrize("batch_size", [1, 3, 7, 250])
def test_crossed_is_true_once_an_interval(batch_size):
    seen, fired = 0, []
    while seen < 1000:
        if crossed(100, seen, seen + batch_size):
            fired.append(seen + batch_size)
        seen += batch_size
    assert len(fired) == (10 if batch_size < 100 else 4) and not crossed(0, 0, 10)
