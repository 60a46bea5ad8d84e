"""The training page: after hundreds of epochs, in a real browser without a network, on a phone, in the dark."""

import statistics
import time
from pathlib import Path

import pytest
import torch

from tests.helpers.browser import console_errors, load_images, requests_of
from util.report.charts import line_chart
from util.report.training_page import TrainingPage

NAME = "a 'run' & \"more\" <b> 漢é"
VISUALS = ("real_A", "fake_B", "real_B")


def record(epochs: float) -> dict:
    spreads = [f"spread_{kind}" for kind in ("a", "b", "least", "between")]
    losses = ("G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y", "TV", "l1", "Var")
    return {"epochs": epochs, "losses": dict.fromkeys(losses, 1 / (1 + epochs)), "learning_rate": 2e-4,
            "colors": dict.fromkeys(spreads + [f"style_{name}" for name in spreads], 3 + epochs),
            "times": {"iteration": 0.1}}  # fmt: skip


class Run:
    """A simulated run with 60 records an epoch, and its page."""

    def __init__(self, folder: Path, epochs: int, without_page: int = 0):
        """Args: without_page: epochs at the start of which the page knows only the records."""
        self.folder, self.epoch, self.records = folder, without_page, []
        self.page = TrainingPage(folder, NAME, "lr: 0.0002\nname: <script>", 64, self.records)
        self.records += [record((point + 1) / 60) for point in range(60 * without_page)]
        for _ in range(epochs - without_page):
            self.train()

    def train(self) -> float:
        """Train another epoch; return processor seconds of the update of the page."""
        self.records += [record(self.epoch + (point + 1) / 60) for point in range(60)]
        self.epoch += 1
        visuals = {name: torch.full((1, 3, 30, 40), self.epoch / 1000) for name in VISUALS}
        start = time.process_time()  # other processes do not count
        self.page.update(self.epoch, visuals)
        return time.process_time() - start


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("odd <name> 'é") / "web", 60)


@pytest.mark.slow
def test_training_page_takes_as_long_at_epoch_300_as_at_epoch_40(tmp_path):
    """In turn, so that whatever slows the machine slows both. Both have 800 to 1000 of their points."""
    early, late = Run(tmp_path / "early", 40), Run(tmp_path / "late", 300, without_page=270)
    assert statistics.median(late.train() / early.train() for _ in range(10)) < 1.5
    sizes = [(run.folder / "index.html").stat().st_size for run in (early, late)]
    assert sizes[1] < 1.1 * sizes[0] and max(sizes) < 400_000


@pytest.mark.slow
def test_training_page_stays_small_and_moves_older_epochs_to_pages_of_their_own(run):
    assert (run.folder / "index.html").stat().st_size < 400_000
    older = sorted(path for path in run.folder.glob("epochs*.html"))
    assert [path.name for path in older] == ["epochs001-020.html", "epochs021-040.html"]
    assert max(path.stat().st_size for path in older) < 50_000


def headings(browser) -> list[str]:
    return browser.execute_script("return [...document.querySelectorAll('h2')].map(h => h.textContent)")


def load_all(browser) -> int:
    """Load every image, and return how many there are."""
    load_images(browser)
    return len(browser.find_elements("tag name", "img"))


@pytest.mark.slow
def test_training_page_opens_from_disk_and_asks_for_nothing_else(run, browser):
    browser.get((run.folder / "index.html").as_uri())
    assert browser.title == f"{NAME}: training" == browser.find_element("tag name", "h1").text
    assert headings(browser) == [f"epoch {number}" for number in range(60, 40, -1)]
    charts = browser.execute_script("return [...document.querySelectorAll('.chart b')].map(b => b.textContent)")
    assert {"NCE", "Var", "spread_least", "learning rate", "iterations per second"} <= set(charts) and len(charts) == 15
    lines = browser.execute_script("return [...document.querySelectorAll('polyline')].map(l => l.points.length)")
    assert len(lines) == 19 and min(lines) >= 500  # four charts have the style's curve too
    assert browser.execute_script("return document.querySelector('details pre').textContent.includes('name: <script>')")
    assert load_all(browser) == 20 * len(VISUALS)
    for link in ("epochs001-020", "newest"):
        browser.find_element("link text", link).click()
    browser.back()
    assert headings(browser) == [f"epoch {number}" for number in range(20, 0, -1)] and load_all(browser) == 60
    assert console_errors(browser) == []
    addresses = requests_of(browser)
    assert addresses and all(address.startswith("file://") for address in addresses)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_training_page_is_readable_on_a_phone_in_light_and_dark_mode(run, browser, scheme):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})  # fmt: skip
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": scheme}]})  # fmt: skip
    browser.get((run.folder / "index.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    script = """const curve = getComputedStyle(document.querySelector('polyline'));
        const probe = document.body.appendChild(document.createElement('p')); probe.style.background = 'Canvas';
        return [curve.stroke, getComputedStyle(probe).backgroundColor]"""
    ink, paper = (sum(map(int, color.strip("rgb()").split(","))) for color in browser.execute_script(script))
    dark, bright = (ink, paper) if scheme == "light" else (paper, ink)
    assert dark < 100 and bright > 700


@pytest.mark.slow
def test_training_page_has_a_warning_above_the_images(tmp_path, browser):
    page = TrainingPage(tmp_path, "run", "", 64, [])
    page.update(3, {"fake_B": torch.zeros(1, 3, 8, 8)}, warning="one tone everywhere: <1.0> Lab")
    browser.get((tmp_path / "index.html").as_uri())
    assert browser.find_element("class name", "warning").text == "one tone everywhere: <1.0> Lab"
    page.update(3, {"fake_B": torch.zeros(1, 3, 8, 8)})
    browser.refresh()
    assert browser.find_elements("class name", "warning") == []


def test_training_page_replaces_earlier_images_of_the_epoch(tmp_path):
    page = TrainingPage(tmp_path, "run", "", 64, [])
    for value in (-1.0, 1.0):
        page.update(1, {"fake_B": torch.full((1, 3, 8, 8), value)})
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["epoch001_fake_B.png"]
    assert (tmp_path / "index.html").read_text().count("<img") == 1


def test_line_chart_by_hand():
    chart = line_chart("NCE", [0.0, 1.0, 2.0, 4.0], {"painted": [0.0, None, 1.0, 2.0], "style": [1.0] * 4}).render()
    # The plot is 196 x 100 at (60, 6); 0 is at the bottom, 2 at the top; the value that is missing leaves a gap.
    style = "60.0,56.0 109.0,56.0 158.0,56.0 256.0,56.0"
    for points, number in (("60.0,106.0", 0), ("158.0,56.0 256.0,6.0", 0), (style, 1)):
        assert f'<polyline class="curve{number}" points="{points}">' in chart
    assert "painted 2, style 1" in chart
    flat = line_chart("lr", [3.0], {"": [5.0]}).render()
    assert 'points="60.0,106.0"' in flat and "nan" not in flat
