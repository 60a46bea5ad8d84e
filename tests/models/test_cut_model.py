"""CUT and ColorCUT in float64: losses and gradients of training steps are those of scripts/proof/reference_step.py."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models import create_model
from models.cut_model import CUTModel
from scripts.proof.reference_step import create_reference
from tests.helpers.build import build, build_with_batch, doubled, make_double, use_sgd
from tests.helpers.flags import CUT
from tests.helpers.reference import gradients

MODELS = {
    "CUT": "--model cut",
    "FastCUT": "--model cut --CUT_mode FastCUT",
    "ColorCUT": "--model colorcut --lambda_TV 0.3 --lambda_l1 2 --lambda_Var 0.4",
    "plain convolutions": "--model cut --no_antialias --no_antialias_up --normG none --normD none",
    "batch norm": "--model cut --normG batch --normD batch",
    "ColorCUT with batch norm": "--model colorcut --normG batch",
    "negatives of the batch": "--model cut --nce_includes_all_negatives_from_minibatch",
    "ColorCUT in FastCUT's mode": "--model colorcut --CUT_mode FastCUT --lambda_TV 0.3 --lambda_GAN 2",
    "gray identity": "--model colorcut --idt_input gray --lambda_l1 2",
    "gray identity, flipped": "--model colorcut --idt_input gray --lambda_l1 2 --flip_equivariance",
    "luma kept": "--model colorcut --keep_luma --lambda_l1 2",
    "luma kept in FastCUT's mode": "--model colorcut --keep_luma --CUT_mode FastCUT",
    "luma kept, range, gray identity": "--model colorcut --keep_luma --lambda_range 3 --idt_input gray --init_gain 3",
    "luma kept, range, no L1": "--model colorcut --keep_luma --lambda_range 3 --lambda_l1 0 --init_gain 3",
    "luma kept, gray identity, flipped": "--model colorcut --keep_luma --idt_input gray --flip_equivariance",
    "GAN on style": "--model colorcut --gan_on style --lambda_GAN 2 --lambda_l1 0",
    "GAN on both": "--model colorcut --gan_on both --lambda_l1 2",
    "GAN on both, gray identity, flipped": "--model colorcut --gan_on both --idt_input gray --flip_equivariance",
    "layer norm, context": "--model colorcut --normG layer --context --gan_on style --keep_luma --idt_input gray",
    "GAN on chroma": "--model colorcut --gan_chroma --lambda_GAN 2",
    "GAN on both, chroma": "--model colorcut --gan_on both --gan_chroma --keep_luma --idt_input gray",
    "GAN on both, chroma, range, flipped": "--preset best --model colorcut --flip_equivariance --netG resnet_4blocks",
    "GAN on style, chroma": "--model colorcut --gan_on style --gan_chroma",
    "gray identity without L1": "--model colorcut --idt_input gray --lambda_l1 0",
}
WEIGHTS = {"TV": 0.3, "l1": 2, "Var": 0.4}
for kept in [*itertools.combinations(WEIGHTS, 1), *itertools.combinations(WEIGHTS, 2)]:
    flags = " ".join(f"--lambda_{term} {weight if term in kept else 0}" for term, weight in WEIGHTS.items())
    MODELS[f"ColorCUT with {' and '.join(kept)}"] = f"--model colorcut {flags}"
FLIPPED, NOT_FLIPPED = 0, 1  # seeds whose first number is below a half, and above
CASES = [(name, 1 + number % 2, NOT_FLIPPED) for number, name in enumerate(MODELS)]
CASES += [(name, 2 - number % 2, NOT_FLIPPED) for number, name in enumerate(("CUT", "FastCUT", "ColorCUT"))]
CASES += [(name, size, FLIPPED) for name in MODELS if "Fast" in name or "flipped" in name for size in (1, 2)]


def steps_of(dataroot: Path, flags: str, seed: int, make: Callable) -> list[tuple[dict, list]]:
    """Take two steps with SGD in float64; return the losses of each, and the gradients that the optimizers got."""
    model, loader = build(dataroot, flags, make)
    make_double(model)
    use_sgd(model)
    got, steps = [], []
    for optimizer in model.optimizers:
        optimizer.register_step_pre_hook(
            lambda optimizer, *_: got.append([p.grad.clone() for p in optimizer.param_groups[0]["params"]])
        )
    for batch in list(loader)[:2]:
        torch.manual_seed(seed)
        model.set_input(doubled(batch))
        model.optimize_parameters()
        steps.append((model.get_current_losses(), got.copy()))
        got.clear()
    return steps


@pytest.mark.parametrize(("name", "batch_size", "seed"), CASES)
def test_cut_has_the_losses_and_gradients_of_the_reference(dataroot, name, batch_size, seed):
    flags = f"{CUT} {MODELS[name]} --batch_size {batch_size}"
    steps, expected_steps = (steps_of(dataroot, flags, seed, make) for make in (create_model, create_reference))
    for (losses, ours), (expected, theirs) in zip(steps, expected_steps, strict=True):
        assert losses == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert len(ours) == len(theirs) == 3
        for of_net, of_reference in zip(ours, theirs, strict=True):
            scale = max(gradient.abs().max() for gradient in of_reference)
            assert all(
                (one - other).abs().max() <= 1e-9 * scale for one, other in zip(of_net, of_reference, strict=True)
            )


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ["CUT", "FastCUT", "ColorCUT"])
def test_reference_step_has_gradients_that_are_slopes(dataroot, name, batch_size):
    """Along the gradient of a network the loss rises by the norm of that gradient: central differences.

    The keys have no gradient, so a copy with the first weights makes them.
    """
    flags = f"{CUT} --netF_nc 32 {MODELS[name]} --batch_size {batch_size}"
    model, frozen = (build_with_batch(dataroot, flags, create_reference) for _ in range(2))
    features, project = model.features, model.project
    model.features = lambda *args: (features if torch.is_grad_enabled() else frozen.features)(*args)
    model.project = lambda *args: (project if torch.is_grad_enabled() else frozen.project)(*args)
    gradient = {}
    for letter, optimizer in {"D": model.optimizer_D, "G": model.optimizer_G, "F": model.optimizer_F}.items():
        parameters = optimizer.param_groups[0]["params"]

        def take(letter=letter, parameters=parameters) -> None:
            gradient[letter] = [p.grad.clone() for p in parameters]

        optimizer.step = take  # no step: the weights stay

    def losses() -> dict[str, float]:
        torch.manual_seed(7)  # others may draw a patch whose features are so small that the slope changes within 1e-6
        model.optimize_parameters()
        loss_G = model.loss_G.item()
        return {"D": (model.loss_D_fake + model.loss_D_real).item() / 2, "G": loss_G, "F": loss_G}

    losses()
    for letter, direction in {letter: list(one) for letter, one in gradient.items()}.items():
        parameters = list(getattr(model, f"net{letter}").parameters())
        norm = torch.cat([g.flatten() for g in direction]).norm()
        values = []
        for step in (1e-6, -2e-6, 1e-6):
            with torch.no_grad():
                for p, g in zip(parameters, direction, strict=True):
                    p += step * g / norm
            values.append(losses()[letter])
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(norm.item(), rel=1e-3)


@pytest.mark.parametrize("flags", ["--model cut", "--model cut --batch_size 2", "--model cut --CUT_mode FastCUT"])
def test_cut_calls_a_calculate_nce_loss_of_a_subclass_for_each_pair(dataroot, flags):
    """And each pair alone has the loss that it has in the pass that both pairs share."""
    pairs = []

    class PairByPair(CUTModel):
        def calculate_NCE_loss(self, src, tgt):
            pairs.append((src, tgt))
            return super().calculate_NCE_loss(src, tgt)

    joined, apart = (build_with_batch(dataroot, f"{CUT} {flags}", kind) for kind in (CUTModel, PairByPair))
    losses = []
    for model in (joined, apart):
        torch.manual_seed(7)
        model.forward()
        model.compute_G_loss()
        losses.append({name: loss.item() for name, loss in model.losses().items()})
    expected = [(apart.real_A, apart.fake_B)] + ([(apart.real_B, apart.idt_B)] if apart.use_idt else [])
    assert len(pairs) == len(expected)
    assert all(src is source and tgt is target for (src, tgt), (source, target) in zip(pairs, expected, strict=True))
    assert losses[0] == pytest.approx(losses[1], rel=1e-12) and "NCE" in losses[0]
    for net in ("netG", "netF"):
        ours, theirs = (gradients(model.loss_G, getattr(model, net)) for model in (joined, apart))
        scale = max(gradient.abs().max() for gradient in theirs)
        assert all((one - other).abs().max() <= 1e-12 * scale for one, other in zip(ours, theirs, strict=True))
