"""--val_freq: what is held out, what is measured, and which networks are kept as the best."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from data import create_dataset
from data.image_reader import read_image
from data.unaligned_dataset import hold_out
from data.validation import Validation, score_of
from models import create_test_copy
from models.color_losses import to_grayscale, with_luma_of
from tests.helpers.build import build, train_options
from tests.helpers.flags import COLORCUT, TINY
from tests.helpers.images import make_dataroot, noise, read
from tests.helpers.launch import error_of, output_of
from util.checkpoint import load

RUN = f"{TINY} {COLORCUT} --display_id -1 --n_epochs 3 --val_freq 1 --lr 0.002"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A data root with 4 source and 12 style images of 40x48."""
    make_dataroot(tmp_path / "set", "trainA", "testA")
    return make_dataroot(tmp_path / "set", "trainB", "testB", images=[noise(40, 48, seed=k) for k in range(12)])


def test_held_out_images_are_never_trained_on(many):
    assert hold_out(list("abcdefghijkl")) == (list("bcdefghij") + ["l"], ["a", "k"])
    opt = train_options(many, f"{COLORCUT} --val_freq 1")
    loader = create_dataset(opt)
    seen = {Path(path).stem for _ in range(20) for batch in loader for path in batch["B_paths"]}
    validation = Validation(opt, *loader.dataset.held_out)
    assert len(validation.images) == 2 and len(loader) == 10
    assert seen <= {path.stem for path in (many / "trainB").iterdir()} - {"0", "7"}  # sorted by name: 0 1 10 11 2 ... 7
    whole = create_dataset(train_options(many, COLORCUT))
    assert whole.dataset.held_out is None and len(whole) == 12


def test_figures_are_those_of_the_images(many):
    """Of an image scaled as in a test: no scaling here, as load_size is its shorter side."""
    opt = train_options(many, f"{COLORCUT} --load_size 40")
    paths = [str(many / f"trainB/{k}.png") for k in range(12)]
    images = [read_image(path) for path in paths]
    validation = Validation(opt, images[2:], images[:2])
    found = validation.measure(to_grayscale)
    errors = [np.hypot(*np.moveaxis(rgb2lab(read(path)), -1, 0)[1:]).mean() for path in paths[:2]]
    assert found["ab_error"] == pytest.approx(np.mean(errors), abs=0.01)
    perfect = validation.measure(lambda image: image)
    assert perfect["ab_error"] == 0 and perfect["patch_distance"] < 0.5 * found["patch_distance"]
    assert score_of(perfect) == 0 < score_of(found)


@pytest.mark.parametrize("decay", [0, 0.5])
def test_test_copy_colors_as_a_test_would_and_leaves_training_alone(dataroot, tmp_path, decay):
    """With --ema it colors with the average, as the checkpoints hold that."""
    folder = f"--checkpoints_dir {tmp_path} --name copy"
    model, loader = build(dataroot, f"{COLORCUT} --keep_luma --normG batch --init_gain 1 --ema {decay} {folder}")
    for batch, _ in zip(loader, range(2), strict=False):
        model.set_input(batch)
        model.optimize_parameters()
        for average in model.averages.values():
            average.update()
    gray = to_grayscale(torch.rand(1, 3, 37, 41) * 2 - 1)
    state, before = torch.get_rng_state(), {k: v.clone() for k, v in model.netG.state_dict().items()}
    colored = create_test_copy(model).colorize(gray)
    (tmp_path / "copy").mkdir()
    model.save_networks("latest")
    weights = load(tmp_path / "copy/latest_net_G.pth")
    assert all(torch.equal(weights[key], before[key]) for key in before) == (decay == 0)
    generator = create_test_copy(model).netG
    generator.load_state_dict(weights)
    with torch.no_grad():
        expected = with_luma_of(model.translate(generator.eval(), gray), gray)
    assert colored.shape == (1, 3, 37, 41) and torch.allclose(colored, expected, atol=1e-4) and model.netG.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[key]) for key, value in model.netG.state_dict().items())


@pytest.mark.slow
def test_train_keeps_the_best_networks_also_when_it_continues(many, tmp_path):
    flags = f"--dataroot {many} {RUN} --checkpoints_dir {tmp_path} --save_epoch_freq 1"
    printed = output_of(f"train.py {flags} --name whole --print_freq 4")
    found = re.findall(r"validation after epoch (\d): ab_error (\S+), patch_distance (\S+); best: epoch (\d)", printed)
    scores = {int(epoch): float(error) * float(distance) for epoch, error, distance, _ in found}
    best = min(scores, key=scores.get)
    assert list(scores) == [1, 2, 3] and int(found[-1][3]) == best
    weights, expected = (load(tmp_path / f"whole/{epoch}_net_G.pth") for epoch in ("best", best))
    assert all(torch.equal(weights[key], expected[key]) for key in expected)
    records = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    assert "validation" not in records[0]
    logged = {r["epoch"]: f"{r['validation']['ab_error']:.2f}" for r in records if r["epoch_iter"] == 10}
    assert logged == {epoch: error for epoch, (_, error, *_) in zip((1, 2, 3), found, strict=True)}

    output_of(f"train.py {flags} --name parts --n_epochs 1")
    state = load(tmp_path / "parts/latest_state.pth")
    assert state["progress"]["best_epoch"] == 1 and state["progress"]["best_score"] == pytest.approx(scores[1], 0.01)
    state["progress"]["best_score"] = 0.0  # cannot be beaten
    torch.save(state, tmp_path / "parts/latest_state.pth")
    continued = f"train.py --checkpoints_dir {tmp_path} --name parts --continue_train --gpu_ids -1"
    assert "--val_freq" in error_of(f"{continued} --n_epochs 3 --val_freq 0", code=2)
    printed = output_of(f"{continued} --n_epochs 3")
    assert re.findall(r"validation after epoch (\d).*best: epoch (\d)", printed) == [("2", "1"), ("3", "1")]
    output_of(f"test.py --dataroot {many} --checkpoints_dir {tmp_path} --name whole --epoch best --gpu_ids -1 "
              f"--results_dir {tmp_path / 'results'}")  # fmt: skip
    assert (tmp_path / "results/whole/test_best/index.html").is_file()


def test_val_freq_needs_style_images(dataroot, tmp_path):
    flags = f"--dataroot {dataroot} {TINY} --checkpoints_dir {tmp_path} --val_freq 1"
    assert "colorization" in error_of(
        f"train.py {flags} --model pix2pix --dataset_mode colorization --netG resnet_4blocks", code=2
    )
    assert "too few" in error_of(f"train.py {flags} {COLORCUT} --max_dataset_size 1", code=2)
