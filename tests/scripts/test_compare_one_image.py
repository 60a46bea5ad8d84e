"""scripts/proof/compare_one_image.py: what it trains and colors, its table and its figure."""

import json
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

    table = {cells[1]: cells[2:-1] for cells in ([cell.strip() for cell in line.split("|")]
             for line in printed.splitlines() if line.startswith("|"))}  # fmt: skip
    rows = ["gray", "Reinhard", "Reinhard, luma kept", "Welsh k=1", "Welsh k=64", "seed 5", "the painting"]
    assert [title for title in table if title in rows] == rows
    assert table["the painting"][:3] == ["0.00", "1.00", "0.00"] and table["gray"][1] == "1.00"
    names = sorted(path.stem for path in (dataroot / "testA").iterdir())
    judge = Judge([to_lab(imread(painting))])
    for title in ("Welsh k=1", "seed 5"):
        records = [judge.content_record(*(to_lab(np.array(Image.open(folder / f"{name}.png").convert("RGB")))
                   for folder in (tmp_path / "out/two" / title, tmp_path / "out/gray"))) for name in names]  # fmt: skip
        value = estimate([judge.statistics(records)["content_patch_distance"]], len(names), draws=0).value
        assert table[title][0] == f"{value:.2f}"

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
