"""Fixtures that several tests share."""

import importlib.util
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.images import make_dataroot
from tests.helpers.launch import ROOT
from tests.helpers.visdom_server import VisdomServer

torch.set_num_threads(1)  # tests run side by side, and tiny models are no faster on several cores


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same numbers whenever and in whatever order it runs."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the checkout without what runs have left in it, free to be changed."""
    names = (".*", "__pycache__", "datasets", "checkpoints", "results", "figures", "build", "*.egg-info")
    shutil.copytree(ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns(*names))
    return tmp_path / "tree"


@pytest.fixture
def dataroot(tmp_path: Path) -> Path:
    """A data root with 4 random images of 40x48 in each of trainA, trainB, testA, testB."""
    return make_dataroot(tmp_path / "set", "trainA", "trainB", "testA", "testB")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A headless Chromium that reaches only this machine and its files; helpers/browser.py asks it things."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    for name, path in programs.items():
        if not path:
            pytest.skip(f"{name} is not installed; scripts/install_browser.sh installs it")
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--window-size=1400,1000", f"--user-data-dir={tmp_path / 'chromium'}",
                     "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # selenium looks for a driver on the network unless one is named.
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs["chromedriver"]))
    driver.get("about:blank")
    for log in driver.log_types:
        driver.get_log(log)  # of the page that a new window opens with, which asks for things
    yield driver
    driver.quit()


@pytest.fixture
def visdom_server(tmp_path: Path) -> Iterator[Any]:
    """A server started by scripts/monitor.sh, whose page is complete if the assets were fetched."""
    if not importlib.util.find_spec("visdom"):
        pytest.skip("visdom is not installed; scripts/install.sh monitor installs it")
    with VisdomServer(tmp_path) as server:
        yield server
