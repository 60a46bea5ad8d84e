"""docs/adding-a-model.md, done to the letter in a copy of the tree."""

import re
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image


def test_the_walk(pictures, tree):
    page = (tree / "docs/adding-a-model.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tree / "models/regression_model.py").write_text(code)
    shutil.copytree(pictures, tree / "datasets/mine")
    commands = re.findall(r"^python (.*)$", page, re.MULTILINE)
    small = "--gpu_ids -1 --ngf 4 --netG resnet_4blocks --crop_size 32 --num_threads 0 --init_gain 1 --print_freq 4"
    small += " --n_epochs 1 --n_epochs_decay 0 --lambda_L1 3"
    for command, flags in zip(commands, (f"{small} --display_id -1", "--gpu_ids -1"), strict=True):
        done = subprocess.run(
            [sys.executable, *command.split(), *flags.split()], cwd=tree, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    log = (tree / "checkpoints/regression/loss_log.txt").read_text()
    (values,) = re.findall(r"L1: (\S+) G: (\S+)", log)
    assert abs(float(values[1]) - 3 * float(values[0])) < 0.003
    painted = sorted((tree / "results/regression/test_latest/images/fake_B").iterdir())
    truth = sorted((tree / "results/regression/test_latest/images/real_B").iterdir())
    assert len(painted) == len(truth) == 4
    assert all(np.array_equal(np.asarray(Image.open(ours)), np.asarray(Image.open(theirs).convert("RGB")))
               for ours, theirs in zip(truth, sorted((pictures / "testB").iterdir()), strict=True))  # fmt: skip
    again = [
        sys.executable,
        "train.py",
        "--name",
        "regression",
        "--continue_train",
        "--gpu_ids",
        "-1",
        "--n_epochs",
        "2",
    ]
    done = subprocess.run(again, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0 and "continuing at epoch 2" in done.stdout
