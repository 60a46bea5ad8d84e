"""The script of each row of the paper: the flags it stands for, and what a second call does."""

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.launch import ROOT

# Model and weights of TV, L1, Var; None if the model has no such terms.
ROWS = {
    "cut": ("cut", None), "cut_tv": ("colorcut", (0.1, 0, 0)), "cut_tv_l1": ("colorcut", (0.1, 5, 0)),
    "colorcut": ("colorcut", (0.1, 5, 0.1)), "fastcut": ("cut", None), "cyclegan": ("cycle_gan", None),
    "pix2pix": ("pix2pix", None),
}  # fmt: skip


def call(row: str, arguments: str) -> subprocess.CompletedProcess:
    command = [ROOT / f"scripts/paper/{row}.sh", *arguments.split()]
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_row_is_the_paper_s_recipe_with_its_own_weights(dataroot, tmp_path, row):
    small = f"{dataroot} --small --checkpoints_dir {tmp_path} --gpu_ids -1"
    tiny = "--ngf 4 --crop_size 32 --load_size 32 --n_epochs 1 --num_threads 0 --display_id -1"
    done = call(row, f"{small} {tiny}")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / f"set_{row}_small/train_opt.json").read_text())
    model, weights = ROWS[row]
    assert (record["model"], record["preset"], record["ngf"], record["ndf"]) == (model, "small", 4, 16)
    assert (record["lr_policy"], record["n_epochs"], record["n_epochs_decay"]) == ("cosine", 1, 0)
    assert record.get("dataset_mode") == ("colorization" if row == "pix2pix" else "grayscale_unaligned")
    if weights:
        assert tuple(record[f"lambda_{term}"] for term in ("TV", "l1", "Var")) == weights
    assert record.get("CUT_mode", "").lower() == ("fastcut" if row == "fastcut" else "cut" if "cut" in row else "")
    again = call(row, small)
    assert again.returncode == 0 and "all 1 epochs are done" in again.stdout


@pytest.mark.slow
def test_row_without_small_has_the_paper_s_size(dataroot, tmp_path):
    done = call("colorcut", f"{dataroot} --dry_run --checkpoints_dir {tmp_path} --gpu_ids -1")
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    values = {line[0]: line[1] for line in words if len(line) > 1}
    assert [values[f"{name}:"] for name in ("lr", "n_epochs", "crop_size", "ngf")] == ["0.005", "30", "256", "64"]


@pytest.mark.parametrize("arguments", ["", "/nowhere"])
def test_row_refuses_a_missing_folder_in_one_line(arguments):
    done = call("cut", arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "DATAROOT" in done.stderr
