"""scripts/proof/reference_step.py: its steps are those of training in float64, and its runs are those of train.py."""

import pytest
import torch

from scripts.proof.reference_step import create_reference, main
from tests.helpers.build import build, doubled, make_double, same_checkpoints, train_options
from tests.helpers.flags import COLORCUT, CUT, TINY
from tests.helpers.launch import call
from util.checkpoint import load
from util.errors import UsageError

MODELS = {
    "CUT": "--model cut",
    "FastCUT": "--model cut --CUT_mode FastCUT",
    "ColorCUT": "--model colorcut --lambda_TV 0.3 --lambda_l1 2 --lambda_Var 0.4",
    "ColorCUT without norms": "--model colorcut --normG none --normD none --lambda_l1 0",
    "ColorCUT in FastCUT's mode": "--model colorcut --CUT_mode FastCUT --lambda_GAN 2",
}
FLIPPED, NOT_FLIPPED = 0, 1  # seeds whose first number is below a half, and above
CASES = [(name, size, NOT_FLIPPED) for name in MODELS for size in (1, 2)]
CASES += [(name, size, FLIPPED) for name in MODELS if "Fast" in name for size in (1, 2)]


def steps_of(model, batches: list[dict], seed: int) -> list[tuple[dict, list]]:
    """Take a step on each batch; return its losses, and the gradients that the optimizers got."""
    gradients, steps = [], []
    for optimizer in model.optimizers:
        optimizer.register_step_pre_hook(
            lambda optimizer, *_: gradients.append([p.grad.clone() for p in optimizer.param_groups[0]["params"]])
        )
    for batch in batches:
        torch.manual_seed(seed)
        model.set_input(doubled(batch))
        model.optimize_parameters()
        steps.append((model.get_current_losses(), gradients.copy()))
        gradients.clear()
    return steps


@pytest.mark.parametrize(("name", "batch_size", "seed"), CASES)
def test_reference_step_has_the_losses_and_gradients_of_training(dataroot, name, batch_size, seed):
    flags = f"{CUT} {MODELS[name]} --batch_size {batch_size}"
    lean, loader = build(dataroot, flags)
    make_double(lean)
    reference, _ = build(dataroot, flags, create_reference)
    batches = list(loader)[:2]
    steps, expected_steps = (steps_of(model, batches, seed) for model in (lean, reference))
    for (losses, gradients), (expected, of_reference) in zip(steps, expected_steps, strict=True):
        assert losses == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert len(gradients) == len(of_reference) == 3
        for ours, theirs in zip(gradients, of_reference, strict=True):
            scale = max(gradient.abs().max() for gradient in theirs)
            assert all((a - b).abs().max() <= 1e-9 * scale for a, b in zip(ours, theirs, strict=True))


def test_reference_step_continues_a_run_in_float64(dataroot, tmp_path):
    flags = f"{TINY} {COLORCUT} --display_id -1 --dataroot {dataroot} --checkpoints_dir {tmp_path} --lr_policy step"
    call(main, f"{flags} --name whole --n_epochs 2")
    call(main, f"{flags} --name parts --n_epochs 1")
    assert "continuing at epoch 2" in call(main, f"{flags} --name parts --n_epochs 2 --continue_train").stdout
    assert same_checkpoints(tmp_path / "whole", tmp_path / "parts")
    weights = load(tmp_path / "parts/latest_net_G.pth")
    assert all(weight.dtype == torch.float64 for weight in weights.values())


@pytest.mark.parametrize("mistake", ["--normG batch", "--gan_mode vanilla", "--lambda_gp 2.5", "--model cycle_gan"])
def test_reference_step_refuses_what_it_does_not_cover(dataroot, mistake):
    with pytest.raises(UsageError, match=f"^{mistake}: "):
        create_reference(train_options(dataroot, mistake))
