"""The script of each row of the paper: the flags it stands for, and what a second call does."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Model and weights of TV, L1, Var; None where the model has no such terms.
ROWS = {
    "cut": ("cut", None), "cut_tv": ("colorcut", (0.1, 0, 0)), "cut_tv_l1": ("colorcut", (0.1, 5, 0)),
    "colorcut": ("colorcut", (0.1, 5, 0.1)), "fastcut": ("cut", None), "cyclegan": ("cycle_gan", None),
    "pix2pix": ("pix2pix", None),
}  # fmt: skip


def call(row: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [ROOT / f"scripts/{row}.sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, cwd="/")


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_the_paper_s_recipe_with_its_own_weights(pictures, tmp_path, row):
    done = call(row, pictures, "--small", "--checkpoints_dir", tmp_path, "--gpu_ids", -1, "--ngf", 4, "--crop_size", 32,
                "--load_size", 32, "--n_epochs", 1, "--num_threads", 0)  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / f"set_{row}_small/train_opt.json").read_text())
    model, weights = ROWS[row]
    assert (record["model"], record["preset"], record["ngf"], record["ndf"]) == (model, "small", 4, 16)
    assert (record["lr_policy"], record["n_epochs"], record["n_epochs_decay"]) == ("cosine", 1, 0)
    assert record.get("dataset_mode") == ("colorization" if row == "pix2pix" else "grayscale_unaligned")
    if weights:
        assert tuple(record[f"lambda_{term}"] for term in ("TV", "l1", "Var")) == weights
    assert record.get("CUT_mode", "").lower() == ("fastcut" if row == "fastcut" else "cut" if "cut" in row else "")
    again = call(row, pictures, "--small", "--checkpoints_dir", tmp_path, "--gpu_ids", -1)
    assert again.returncode == 0 and "all 1 epochs are done" in again.stdout


def test_without_small_it_is_the_paper_s_size(pictures, tmp_path):
    done = call("colorcut", pictures, "--dry_run", "--checkpoints_dir", tmp_path, "--gpu_ids", -1)
    assert done.returncode == 0, done.stderr
    lines = {
        line.split(":")[0].strip(): line.split(":")[1].split()[0]
        for line in done.stdout.splitlines()
        if ":  " not in line and ": " in line
    }
    assert (lines["lr"], lines["n_epochs"], lines["crop_size"], lines["ngf"]) == ("0.005", "30", "256", "64")


@pytest.mark.parametrize("arguments", [[], ["/nowhere"]])
def test_a_missing_folder_is_one_line(arguments):
    done = call("cut", *arguments)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "DATAROOT" in done.stderr
