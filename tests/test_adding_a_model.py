"""docs/adding-a-model.md, followed to the letter in a copy of the tree."""

import re
import shutil

import numpy as np
import pytest

from tests.helpers.flags import TINY
from tests.helpers.images import read
from tests.helpers.launch import ROOT, error_of, output_of

PAGE = (ROOT / "docs/adding-a-model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"Save it as\s+`(\S+)`:\n```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^python (.*)$", PAGE, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regression", "paired"])
def test_adding_a_model_works_as_the_page_says(dataroot, tree, name):
    files = dict(BLOCKS)
    assert set(files) == {"models/regression_model.py", "models/paired_model.py"}
    path = f"models/{name}_model.py"
    (tree / path).write_text(files[path])
    shutil.copytree(dataroot, tree / "datasets/mine")
    train, test = (command for command in COMMANDS if f"--name {name}" in command)
    flags = f"{TINY} --print_freq 4 --n_epochs 1 --n_epochs_decay 0 --lambda_L1 3 --display_id -1"
    output_of(f"{train} {flags}", cwd=tree)
    output_of(f"{test} --gpu_ids -1 --preprocess none", cwd=tree)
    log = (tree / f"checkpoints/{name}/loss_log.txt").read_text()
    losses = {key: float(value) for key, value in re.findall(r"(\w+): (\d\S+)", log.splitlines()[-1].split(")")[-1])}
    assert np.isfinite(list(losses.values())).all() and losses["L1"] > 0
    assert name == "paired" or losses["G"] == pytest.approx(3 * losses["L1"], abs=0.003)
    images = tree / f"results/{name}/test_latest/images"
    painted, truth = (sorted((images / kind).iterdir()) for kind in ("fake_B", "real_B"))
    assert len(painted) == len(truth) == 4
    assert all((read(path) == read(dataroot / "testB" / path.name)).all() for path in truth)
    if name == "regression":
        again = f"train.py --name {name} --continue_train --gpu_ids -1 --n_epochs 2"
        assert "continuing at epoch 2" in output_of(again, cwd=tree)
    else:
        message = error_of(f"{train} {flags} --overwrite --accumulate 2", code=2, cwd=tree)
        assert "--model paired does not use TrainingStep" in message
