"""scripts/proof/compare_one_image.py: what it trains and colors, its table and its figure."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.io import imread

from scripts.lib.image_grid import GAP
from scripts.proof import compare_one_image
from tests.helpers.flags import TINY
from tests.helpers.launch import call, refusal
from util.evaluation.bootstrap import estimate
from util.evaluation.color_metrics import to_lab
from util.evaluation.judge import Judge

SMALL = f"{TINY} --crop_size 32 --load_size 32 --max_dataset_size 2 --n_epochs 1 --display_id -1"


@pytest.fixture
def painting(tmp_path) -> Path:
    """Two colors, one above the other, with grain."""
    pixels = np.random.default_rng(0).integers(0, 40, (64, 80, 3)) + np.array([180, 120, 20])
    pixels[32:] = pixels[32:, :, ::-1]
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "two.png")
    return tmp_path / "two.png"


@pytest.mark.slow
def test_compare_one_image_trains_colors_measures_and_draws(painting, dataroot, tmp_path, monkeypatch):
    monkeypatch.setattr(compare_one_image, "SIDE", 64)
    command = (f"{painting} --content {dataroot}/trainA --test {dataroot}/testA --checkpoints_dir {tmp_path}/runs "
               f"--out {tmp_path}/out --size 40 --pick 2 {SMALL}")  # fmt: skip
    printed = call(compare_one_image.main, f"{command} --seeds 5").stdout
    options = json.loads((tmp_path / "runs/one_two_seed5/train_opt.json").read_text())
    assert (options["seed"], options["style"], options["model"]) == (5, str(painting), "sincolorcut")

    tables = re.findall(r"((?:^\|.*\n)+)", printed, re.MULTILINE)
    heading, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in tables[0].splitlines())
    distances = dict(lines)
    assert len(tables) == 5 and heading == ["patch distance", "two"]
    assert list(distances) == ["gray", "Reinhard", "Reinhard, L kept", "Welsh k=1", "Welsh k=64", "seed 5",
                               "seed 5, with Reinhard's L", "the painting"]  # fmt: skip
    assert distances["the painting"] == "0.00" and "| gray | 1.00 |" in tables[1]
    names = sorted(path.stem for path in (dataroot / "testA").iterdir())
    gray = [to_lab(np.array(Image.open(tmp_path / f"out/gray/{name}.png").convert("RGB"))) for name in names]
    judge = Judge([to_lab(imread(painting))])
    for title in ("Welsh k=1", "seed 5"):
        colored = [to_lab(imread(tmp_path / "out/two" / title / f"{name}.png")) for name in names]
        records = [judge.content_record(*pair) for pair in zip(colored, gray, strict=True)]
        value = estimate([judge.statistics(records)["content_patch_distance"]], len(names), draws=0).value
        assert distances[title] == f"{value:.2f}"
    for name, source in zip(names, gray, strict=True):
        kept, moved, reinhard = (to_lab(imread(tmp_path / "out/two" / folder / f"{name}.png"))
                                 for folder in ("Reinhard, L kept", "seed 5 Reinhard", "Reinhard"))  # fmt: skip
        assert abs(kept[..., 0] - source[..., 0]).mean() < 2 and abs(moved[..., 0] - reinhard[..., 0]).mean() < 2

    figure = imread(tmp_path / "out/one_image.jpg").astype(float)
    for row, title in enumerate(["Reinhard", "Welsh k=1", "seed 5"]):
        own = imread(tmp_path / "out/two" / title / f"{names[1]}.png").mean((0, 1))
        top = figure.shape[0] - (3 - row) * (40 + GAP) + GAP
        assert figure[top : top + 40, -40:].mean((0, 1)) == pytest.approx(own, abs=12)


@pytest.mark.parametrize("mistake", ["--nope", "--seeds x", "{painting}"])
def test_compare_one_image_refuses_a_mistake_before_it_trains(painting, dataroot, tmp_path, mistake):
    command = f"--content {dataroot}/trainA --test {dataroot}/testA --checkpoints_dir {tmp_path}/runs"
    message = refusal(compare_one_image.main, f"{painting} {mistake.format(painting=painting)} {command}")
    assert any(word in message for word in ("--nope", "--seeds", "same name")) and not (tmp_path / "runs").exists()
