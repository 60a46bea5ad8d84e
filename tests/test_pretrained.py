"""The styles that come with the project: they color any folder, and their cards say what they were trained with."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2lab
from skimage.io import imread

from data.image_reader import read_image
from data.validation import Validation
from models import create_model
from models.color_losses import to_grayscale
from options import record
from options.test_options import TestOptions
from options.train_options import TrainOptions
from tests.helpers.launch import ROOT, output_of
from util.run_folder import RunFolder
from util.util import save_image

STYLES = sorted(path.parent.name for path in (ROOT / "pretrained").glob("*/README.md"))
LUMA = np.array([0.299, 0.587, 0.114])


def card(style: str) -> str:
    return (ROOT / f"pretrained/{style}/README.md").read_text(encoding="utf-8")


def test_there_is_a_style():
    assert "vangogh" in STYLES


@pytest.mark.parametrize("style", STYLES)
def test_style_colors_a_folder_of_any_images(style, tmp_path):
    photographs = {"astronaut": data.astronaut(), "cat": data.chelsea()[:, :301], "camera": data.camera()}
    for name, pixels in photographs.items():
        save_image(pixels, tmp_path / f"photos/{name}.png")
    command = f"test.py --name {style} --checkpoints_dir {ROOT / 'pretrained'} --dataset_mode single --gpu_ids -1"
    output_of(f"{command} --dataroot {tmp_path / 'photos'} --results_dir {tmp_path}")
    images = tmp_path / style / "test_latest/images"
    for name in photographs:
        gray, colored = (imread(images / visual / f"{name}.png").astype(float) for visual in ("real_A", "fake_B"))
        assert np.abs((colored - gray) @ LUMA).max() < 1.5  # rounding of three channels
        a, b = rgb2lab(colored / 255)[..., 1:].reshape(-1, 2).T
        assert np.hypot(a, b).mean() > 8 and min(a.std(), b.std()) > 3  # colors, and more than one tone


def tables(page: str) -> list[list[list[str]]]:
    """Return the cells of each table of a page, without header and intervals."""
    found = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    return [[[re.sub(r" \[.*?\]", "", cell.strip()) for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
            for table in found]  # fmt: skip


def test_readme_has_figures_of_the_card():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## What to expect")[1]
    _, paintings, photographs = tables(card("vangogh"))
    expected = [[float(one[1]), float(one[4]), float(other[1])]
                for one, other in zip(paintings, photographs, strict=True) if one[0] != "Welsh k=64"]  # fmt: skip
    assert [[float(cell) for cell in row[1:]] for row in tables(section)[0]] == expected


@pytest.mark.parametrize("style", STYLES)
def test_card_has_the_command_of_the_record(style):
    command = re.search(r"^python train\.py ((?:.*\\\n)*.*)", card(style), re.MULTILINE)
    flags = command.group(1).replace("\\\n", " ").replace("./datasets", str(ROOT / "datasets"))
    options = TrainOptions(flags)
    opt = vars(options.parse())
    # A flag that is younger than the record had no effect: its default.
    recorded = {**options.defaults, **record.load(RunFolder(ROOT / "pretrained" / style))}
    not_learned = {"name", "dataroot", "num_threads", "display_id", "gpu_ids", "seed"}
    differences = {k: (v, opt[k]) for k, v in recorded.items() if k in opt and k not in not_learned and v != opt[k]}
    assert not differences and opt["seed"] == recorded["seed"], differences


@pytest.mark.parametrize("style", STYLES)
def test_weights_are_small_and_those_that_the_card_names(style):
    path = ROOT / f"pretrained/{style}/latest_net_G.pth"
    assert path.stat().st_size < 12e6
    state = torch.load(path, weights_only=True)
    count = sum(value.numel() for name, value in state.items() if not name.endswith("filt"))  # blurs have no weights
    assert f"{count:,} weights" in card(style)


@pytest.mark.slow
@pytest.mark.skipif("COLORCUT_TEST_DATA" not in os.environ, reason="COLORCUT_TEST_DATA names no folder of images")
def test_card_has_the_figures_of_the_weights():
    root = Path(os.environ["COLORCUT_TEST_DATA"]) / "vangogh2photo-mini"
    opt = TestOptions(f"--name vangogh --checkpoints_dir {ROOT / 'pretrained'} --dataroot {root} --gpu_ids -1").parse()
    model = create_model(opt)
    model.setup(opt)
    training, test = (map(read_image, sorted((root / folder).iterdir())) for folder in ("trainA", "testA"))
    measured = Validation(opt, training, test).measure(lambda image: model.colorize(to_grayscale(image)))
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in card("vangogh").splitlines() if "|" in line]
    header, row = (next(cells for cells in table if cells[0] == first) for first in ("paintings", "this style"))
    printed = {name: float(cell.split()[0]) for name, cell in zip(header[1:], row[1:], strict=True)}
    assert measured["ab_error"] == pytest.approx(printed["ab-error"], abs=0.02)
    assert measured["patch_distance"] == pytest.approx(printed["patch distance"], abs=0.05)
