"""The script of each row of the paper: the flags it stands for, and what a second call does."""

import json
import os
import subprocess
import sys

import pytest

from options.train_options import TrainOptions
from tests.helpers.build import build, take_steps
from tests.helpers.launch import ROOT

# Model and weights of TV, L1, Var; None if the model has no such terms.
ROWS = {
    "cut": ("cut", None), "cut_tv": ("colorcut", (0.1, 0, 0)), "cut_tv_l1": ("colorcut", (0.1, 5, 0)),
    "colorcut": ("colorcut", (0.1, 5, 0.1)), "best": ("colorcut", (0.1, 12, 0.1)),
    "fastcut": ("cut", None), "cyclegan": ("cycle_gan", None),
    "pix2pix": ("pix2pix", None),
}  # fmt: skip


def run_row(row: str, arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [ROOT / f"scripts/paper/{row}.sh", *arguments.split()]
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")


def flags_of(row: str, arguments: str) -> str:
    """Return the flags of train.py that the script of a row stands for."""
    done = run_row(row, arguments, PRINT_FLAGS="1")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("row", ROWS)
def test_row_is_the_paper_s_recipe_with_its_own_weights(dataroot, row):
    flags = f"{flags_of(row, f'{dataroot} --small')} --crop_size 32 --load_size 32"
    model, loader = build(dataroot, flags)
    assert take_steps(model, loader)
    opt, (name, weights) = vars(model.opt), ROWS[row]
    preset = "best_small" if row == "best" else "small"
    assert (opt["model"], opt["preset"], opt["ndf"], opt["n_epochs"]) == (name, preset, 4, 7)
    assert (opt["lr_policy"], opt["n_epochs_decay"]) == ("cosine", 0)
    assert opt["dataset_mode"] == ("colorization" if row == "pix2pix" else "grayscale_unaligned")
    if weights:
        assert tuple(opt[f"lambda_{term}"] for term in ("TV", "l1", "Var")) == weights
    assert opt.get("CUT_mode", "").lower() == (
        "fastcut" if row == "fastcut" else "cut" if opt["model"] in ("cut", "colorcut") else ""
    )


@pytest.mark.slow
def test_row_trains_once_and_then_says_that_it_is_done(dataroot, tmp_path):
    small = f"{dataroot} --small --checkpoints_dir {tmp_path} --gpu_ids -1"
    tiny = "--ngf 4 --crop_size 32 --load_size 32 --n_epochs 1 --num_threads 0 --display_id -1"
    done = run_row("colorcut", f"{small} {tiny}")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "set_colorcut_small/train_opt.json").read_text())
    assert (record["model"], record["preset"], record["ngf"], record["ndf"]) == ("colorcut", "small", 4, 16)
    again = run_row("colorcut", small)
    assert again.returncode == 0 and "all 1 epochs are done" in again.stdout


def test_row_without_small_has_the_paper_s_size(dataroot):
    opt = TrainOptions(f"--dataroot {dataroot} --gpu_ids -1 {flags_of('colorcut', str(dataroot))}").parse()
    assert (opt.lr, opt.n_epochs, opt.crop_size, opt.ngf) == (0.005, 30, 256, 64)


@pytest.mark.parametrize("arguments", ["", "/nowhere"])
def test_row_refuses_a_missing_folder_in_one_line(arguments):
    done = run_row("cut", arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "DATAROOT" in done.stderr


def test_row_does_not_continue_the_run_of_another_folder_of_the_same_name(dataroot, tmp_path):
    """x1/data, then x2/data."""
    run = tmp_path / "ck/set_colorcut_small"
    run.mkdir(parents=True)
    (run / "latest_state.pth").touch()
    (tmp_path / "first/set").mkdir(parents=True)
    (run / "train_opt.json").write_text(json.dumps({"dataroot": str(tmp_path / "first/set"), "lr": 1}, indent=2))
    done = run_row("colorcut", f"{dataroot} --small --checkpoints_dir {tmp_path / 'ck'}")
    assert done.returncode == 1
    assert done.stderr == f"error: {run} was trained on {tmp_path / 'first/set'}; give {dataroot} another name\n"
