"""scripts/proof/reference_step.py: its runs are those of train.py. tests/models/test_cut_model.py has its steps."""

import pytest
import torch

from scripts.proof.reference_step import create_reference, main
from tests.helpers.build import same_checkpoints, train_options
from tests.helpers.flags import COLORCUT, TINY
from tests.helpers.launch import call
from util.checkpoint import load
from util.errors import UsageError


def test_reference_step_continues_a_run_in_float64(dataroot, tmp_path):
    flags = f"{TINY} {COLORCUT} --display_id -1 --dataroot {dataroot} --checkpoints_dir {tmp_path} --lr_policy step"
    call(main, f"{flags} --name whole --n_epochs 2")
    call(main, f"{flags} --name parts --n_epochs 1")
    assert "continuing at epoch 2" in call(main, f"{flags} --name parts --n_epochs 2 --continue_train").stdout
    assert same_checkpoints(tmp_path / "whole", tmp_path / "parts")
    weights = load(tmp_path / "parts/latest_net_G.pth")
    assert all(weight.dtype == torch.float64 for weight in weights.values())


@pytest.mark.parametrize("mistake", ["--netF sample", "--gan_mode vanilla", "--lambda_gp 2.5", "--model cycle_gan"])
def test_reference_step_refuses_what_it_does_not_cover(dataroot, mistake):
    with pytest.raises(UsageError, match=f"^{mistake}: "):
        create_reference(train_options(dataroot, mistake))
