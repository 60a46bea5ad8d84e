"""The training page: 120 epochs long, in a real browser without a network, on a phone, in the dark."""

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


def trained(folder: Path, epochs: int) -> list[tuple[float, int]]:
    """Simulate a run with 60 records an epoch; return processor seconds and bytes of each update of the page."""
    records, costs = [], []
    page = TrainingPage(folder, NAME, "lr: 0.0002\nname: <script>", 64, records)
    for epoch in range(1, epochs + 1):
        records += [record(epoch - 1 + (point + 1) / 60) for point in range(60)]
        visuals = {name: torch.full((1, 3, 30, 40), epoch / epochs) for name in VISUALS}
        start = time.process_time()  # other processes do not count
        page.update(epoch, visuals)
        costs.append((time.process_time() - start, (folder / "index.html").stat().st_size))
    return costs


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, list[tuple[float, int]]]:
    folder = tmp_path_factory.mktemp("odd <name> 'é") / "web"
    return folder, trained(folder, 120)


@pytest.mark.slow
def test_training_page_costs_the_same_at_epoch_120_as_at_epoch_20(run):
    seconds, sizes = zip(*run[1], strict=True)
    early, late = statistics.median(seconds[20:60]), statistics.median(seconds[80:])
    assert late < 1.5 * early, (early, late)
    # The curves have between 500 and 1000 points, and a link stands for each 20 epochs that are over.
    assert max(sizes[80:]) < 1.1 * max(sizes[20:60]) and max(sizes) < 400_000
    older = sorted(path for path in run[0].glob("epochs*.html"))
    assert [path.name for path in older[:2]] == ["epochs001-020.html", "epochs021-040.html"] and len(older) == 5
    assert max(path.stat().st_size for path in older) < 50_000


def headings(browser) -> list[str]:
    return browser.execute_script("return [...document.querySelectorAll('h2')].map(h => h.textContent)")


def load_all(browser) -> int:
    """Load every image, and return how many there are."""
    load_images(browser)
    return len(browser.find_elements("tag name", "img"))


@pytest.mark.slow
def test_training_page_opens_from_disk_and_asks_for_nothing_else(run, browser):
    folder, _ = run
    browser.get((folder / "index.html").as_uri())
    assert browser.title == f"{NAME}: training" == browser.find_element("tag name", "h1").text
    assert headings(browser) == [f"epoch {number}" for number in range(120, 100, -1)]
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
    browser.get((run[0] / "index.html").as_uri())
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
    # The plot is 210 x 100 at (46, 6); 0 is at the bottom, 2 at the top; the value that is missing leaves a gap.
    style = "46.0,56.0 98.5,56.0 151.0,56.0 256.0,56.0"
    for points, number in (("46.0,106.0", 0), ("151.0,56.0 256.0,6.0", 0), (style, 1)):
        assert f'<polyline class="curve{number}" points="{points}">' in chart
    assert "painted 2, style 1" in chart
    flat = line_chart("lr", [3.0], {"": [5.0]}).render()
    assert 'points="46.0,106.0"' in flat and "nan" not in flat
