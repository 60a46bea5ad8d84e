"""app.py in a real browser."""

import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from models.networks import define_G
from tests.helpers.browser import requests_of, wait_for
from tests.helpers.images import damage, noise, read, save
from tests.helpers.launch import error_of, output_of, start
from tests.helpers.visdom_server import free_port

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
Keys = webdriver.Keys
pytest.importorskip("gradio", reason="gradio is not installed; scripts/install.sh app installs it")


class Page:
    """The page of an app.py in a browser, and what a user does with it."""

    def __init__(self, driver: Any, address: str, downloads: Path):
        self.driver, self.address, self.downloads = driver, address, downloads
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        driver.get(address)
        wait_for(lambda: self.all("input[type=file]"))

    def all(self, selector: str) -> list:
        """Return the elements that a CSS selector finds."""
        return self.driver.find_elements("css selector", selector)

    def click(self, selector: str) -> None:
        """Click an element once it is there, also if a message lies over it."""
        script = "const found = document.querySelector(arguments[0]); found?.click(); return Boolean(found)"
        wait_for(lambda: self.driver.execute_script(script, selector))

    def choose(self, text: str) -> None:
        """Choose the style whose name has this text."""
        self.all("input[role=combobox]")[0].click()
        script = (
            "return [...document.querySelectorAll('[role=option]')].find(one => one.innerText.includes(arguments[0]))"
        )
        wait_for(lambda: self.driver.execute_script(script, text)).click()

    def upload(self, path: Path) -> None:
        """Choose a file, after removing the one before."""
        if self.all("button[aria-label='Clear']"):
            self.click("button[aria-label='Clear']")
        wait_for(lambda: self.all("input[type=file]"))[0].send_keys(str(path))

    def shown(self) -> list[str]:
        """Return the addresses of the images before and after, once both are loaded; empty if there are none."""
        script = """return [...document.querySelectorAll('[data-testid=imageslider-image]')]
            .filter(image => image.complete && image.naturalWidth).map(image => image.src)"""
        addresses = self.driver.execute_script(script)
        return addresses if len(addresses) == 2 else []

    def next_result(self, before: list[str]) -> list[str]:
        """Wait until other images are shown than before; return their addresses."""
        return wait_for(lambda: (now := self.shown()) and now[1] not in before and now)

    def download(self) -> np.ndarray:
        """Download the result; return its pixels."""
        self.click("#download")
        file = wait_for(lambda: next((one for one in self.downloads.iterdir() if one.suffix == ".png"), None))
        pixels = read(file)
        file.unlink()
        return pixels

    def message(self) -> str:
        """Wait for a message; return its text after closing it."""
        script = "return document.querySelector('.toast-body')?.innerText"
        text = wait_for(lambda: self.driver.execute_script(script))
        self.click(".toast-close")
        wait_for(lambda: not self.all(".toast-body"))
        return text


@pytest.fixture
def page(tmp_path, browser) -> Iterator[Page]:
    """A page with one run, `mine`, that takes one megapixel. When it is stopped, its files are gone."""
    folder = tmp_path / "checkpoints/mine"
    folder.mkdir(parents=True)
    (tmp_path / "downloads").mkdir()
    torch.save(define_G(3, 3, 4, "resnet_4blocks", init_gain=1).state_dict(), folder / "latest_net_G.pth")
    command = ["app.py", "--port", free_port(), "--checkpoints_dir", folder.parent, "--gpu_ids", -1,
               "--max_megapixels", 1]  # fmt: skip
    with start(command, TMPDIR=str(tmp_path)) as process:
        try:
            yield Page(browser, process.stdout.readline().split()[0], tmp_path / "downloads")
            assert [file for file in tmp_path.glob("colorcut_*/**/*") if file.is_file()]
            process.terminate()
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 143 and "Traceback" not in stderr, stderr
    assert not list(tmp_path.glob("colorcut_*"))


def result_of(photo: Path, flags: str) -> np.ndarray:
    """Return what colorize.py makes of a photo."""
    target = photo.with_name("expected.png")
    output_of(f"colorize.py {photo} -o {target} --gpu_ids -1 --overwrite {flags}")
    return read(target)


def test_a_user_colors_images_and_is_told_what_cannot_be_colored(page, tmp_path):
    check_colors(page, tmp_path)
    check_messages(page, tmp_path)


def check_colors(page: Page, tmp_path: Path) -> None:
    """Color a photo with all settings; the downloads are what colorize.py writes."""
    photo = save(data.chelsea()[:150, :200], tmp_path / "cat.png")
    page.upload(photo)
    first = page.next_result([])
    assert np.array_equal(page.download(), result_of(photo, ""))
    assert [address for address in requests_of(page.driver) if "127.0.0.1" not in address] == []

    clip = "return document.querySelectorAll('[data-testid=imageslider-image]')[1].style.clipPath"
    middle = page.driver.execute_script(clip)
    webdriver.ActionChains(page.driver).drag_and_drop_by_offset(page.all("[data-testid=slider]")[0], -150, 0).perform()
    page.driver.execute_async_script("setTimeout(arguments[0], 0)")  # until the timer of a drag, clicks are ignored
    assert page.driver.execute_script(clip) != middle

    page.click("input[type=checkbox]")
    second = page.next_result(first)
    assert np.array_equal(page.download(), result_of(photo, "--keep_luma false"))

    page.choose("mine")
    third = page.next_result(first + second)
    mine = f"--name mine --checkpoints_dir {tmp_path / 'checkpoints'}"
    assert np.array_equal(page.download(), result_of(photo, f"--keep_luma false {mine}"))

    for field, value in zip(page.all("input[type=number]"), (0.5, 2), strict=True):
        field.clear()
        field.send_keys(str(value), Keys.TAB)
    wait_for(lambda: (now := page.shown()) and now[1] not in third and np.array_equal(
        page.download(), result_of(photo, f"--keep_luma false --strength 0.5 --saturation 2 {mine}")))  # fmt: skip


def check_messages(page: Page, tmp_path: Path) -> None:
    """Upload what is broken or too large, and then a photo."""
    assert page.shown()
    page.upload(damage(save(noise(200, 200), tmp_path / "broken.png")))
    assert "broken.png is not a readable image" in page.message()
    page.upload(save(np.zeros((1100, 1000), np.uint8), tmp_path / "large.png"))
    assert "The image has 1.1 megapixels" in page.message()
    pages = [Image.fromarray(noise(30, 40, seed=number)) for number in range(2)]
    page.upload(save(pages[0], tmp_path / "pages.tif", save_all=True, append_images=pages[1:]))
    page.next_result([])
    page.click("#download")
    file = wait_for(lambda: next(iter(page.downloads.glob("*.tif")), None))
    with Image.open(file) as document:
        assert document.n_frames == 2
    page.upload(save(noise(1800, 1800), tmp_path / "bytes.png"))
    assert "exceed the maximum allowed size" in page.message()
    assert page.shown() == []
    page.upload(save(data.chelsea()[:60, :80], tmp_path / "small.png"))  # and the page goes on
    page.next_result([])
    assert page.download().shape == (60, 80, 3)
    shutil.rmtree(tmp_path / "checkpoints/mine")
    page.click("input[type=checkbox]")
    assert "The style mine is no longer there" in page.message()
    for name in ("color", "partial", "nothing"):  # nobody gets past the queue
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{page.address}/gradio_api/run/{name}", data=b'{"data": []}')


def test_wrong_flags_get_one_line(tmp_path, monkeypatch):
    assert "--host ::1: expected a name or an IPv4 address" in error_of("app.py --host ::1", 2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "Address already in use" in error_of(f"app.py --port {taken.getsockname()[1]}")
    assert "--port 0: expected 1 to 65535" in error_of("app.py --port 0", 2)
    assert "unrecognized arguments: --share" in error_of("app.py --share", 2)
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "gradio is not installed" in error_of("app.py")
