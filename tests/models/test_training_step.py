"""A training step: what it changes, --accumulate, and a model that steps its optimizers itself as in a CUT checkout."""

import weakref

import pytest
import torch

from models import create_model
from models.colorcut_model import ColorCUTModel
from models.cut_model import CUTModel
from tests.helpers.build import build, same_tensors, same_weights, take_steps, trained, use_sgd, weights_of
from tests.helpers.flags import COLORCUT, CUT, MODELS
from tests.helpers.steps import assert_same_steps, take_exact_steps
from util.errors import UserError


def optimize_parameters_of_cut(self) -> None:
    """A step that calls forward and its optimizers itself, as models of a CUT checkout do."""
    self.forward()
    sides = ((True, self.compute_D_loss, [self.optimizer_D]), (False, self.compute_G_loss, self.generator_optimizers))
    for is_D, compute_loss, optimizers in sides:
        self.set_requires_grad(self.netD, is_D)
        for optimizer in optimizers:
            optimizer.zero_grad()
        compute_loss().backward()
        for optimizer in optimizers:
            optimizer.step()


class CUTStyleModel(CUTModel):
    optimize_parameters = optimize_parameters_of_cut


class CUTStyleColorCUTModel(ColorCUTModel):
    optimize_parameters = optimize_parameters_of_cut


@pytest.mark.parametrize("sgd", [False, True], ids=["Adam", "SGD"])
@pytest.mark.parametrize(("kind", "flags"), [
    (CUTStyleModel, f"{MODELS['CUT']} --batch_size 2"), (CUTStyleModel, MODELS["FastCUT"]),
    (CUTStyleColorCUTModel, f"{COLORCUT} --idt_input gray"),
], ids=["CUT", "FastCUT", "ColorCUT"])  # fmt: skip
def test_step_of_a_model_in_cut_s_own_style_is_ours_bit_for_bit(dataroot, kind, flags, sgd):
    models = []
    for make in (create_model, kind):
        model, loader = build(dataroot, flags, make)
        if sgd:
            use_sgd(model)
        models.append((model, take_steps(model, loader, 4)))
    (ours, losses), (theirs, expected) = models
    assert losses == expected and same_weights(ours, theirs)


def test_step_in_cut_s_own_style_is_refused_with_accumulate(dataroot):
    model, loader = build(dataroot, f"{CUT} --accumulate 2", CUTStyleModel)
    take_steps(model, loader, 1)
    with pytest.raises(UserError, match=r"does not use TrainingStep.*--accumulate"):
        model.track_losses(2)


@pytest.mark.parametrize(
    ("name", "loops"), {"CUT": 2, "FastCUT": 2, "ColorCUT": 2, "pix2pix": 2, "CycleGAN": 1}.items()
)
def test_step_runs_forward_once_and_with_accumulate_once_for_each_micro_batch_and_loop(dataroot, name, loops):
    for accumulate, expected in ((1, 1), (2, 2 * loops)):
        model, loader = build(dataroot, f"{MODELS[name]} --accumulate {accumulate}")
        calls, forward = [], model.forward
        model.forward = lambda calls=calls, forward=forward: calls.append(forward())
        take_steps(model, loader, 1)
        assert len(calls) == expected


class Graphs:
    """Counts the bytes that autograd has saved for backward and not yet freed."""

    def __init__(self):
        self.alive, self.peak = weakref.WeakSet(), 0

    def pack(self, tensor: torch.Tensor) -> "Saved":
        saved = Saved(tensor.detach())  # the output of a node would keep that node
        self.alive.add(saved)
        self.peak = max(self.peak, sum(one.tensor.nbytes for one in self.alive))
        return saved


class Saved:
    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor


@pytest.mark.parametrize("name", ["CUT", "CycleGAN", "pix2pix"])
def test_step_keeps_the_graph_of_one_micro_batch(dataroot, name):
    """4 micro-batches need the memory of one; a batch of 4 needs far more."""

    def peak(flags: str) -> int:
        model, loader = build(dataroot, f"{MODELS[name]} {flags}")
        model.set_input(next(iter(loader)))
        graphs = Graphs()
        with torch.autograd.graph.saved_tensors_hooks(graphs.pack, lambda saved: saved.tensor):
            model.optimize_parameters()
        return graphs.peak

    one, micro, whole = peak(""), peak("--accumulate 4"), peak("--batch_size 4")
    assert micro <= 1.01 * one and whole > 2 * one


@pytest.mark.parametrize("name", MODELS)
def test_step_with_accumulate_is_that_of_one_large_batch(dataroot, name):
    """In float64 with plain SGD: losses, weights, and the reference of the style units."""
    same_everywhere = "--no_dropout true --pool_size 0 --normG instance --normD instance --load_size 36"
    flags = f"{MODELS[name]} {same_everywhere}"
    whole, micro = (take_exact_steps(dataroot, f"{flags} {more}") for more in ("--batch_size 4", "--accumulate 4"))
    assert_same_steps(micro, whole)


def test_step_changes_d_then_g_and_f(dataroot):
    """The step of D changes D only, the other one G and F only. Every weight that matters changes."""
    model = trained(dataroot, f"{COLORCUT} --batch_size 2 --normG none --normD none")
    snapshots = [weights_of(model)]
    for optimizer in model.optimizers:
        optimizer.register_step_post_hook(lambda *_: snapshots.append(weights_of(model)))
    model.optimize_parameters()
    start, after_D, *_, end = snapshots
    assert len(snapshots) == 4
    assert {key[0] for key in start if not torch.equal(start[key], after_D[key])} == {"D"}
    assert {key[0] for key in start if not torch.equal(after_D[key], end[key])} == {"G", "F"}
    assert [key for key in start if torch.equal(start[key], end[key])] == []


VARIANTS = ["--lambda_GAN 0", "--lambda_NCE 0", "--netF sample", "--batch_size 2", "--CUT_mode FastCUT",
            "--gan_mode wgangp --lambda_gp 10", "--normG batch --normD batch"]  # fmt: skip


@pytest.mark.parametrize("flags", VARIANTS)
def test_step_of_every_variant_has_finite_losses_and_moves_its_networks(dataroot, flags):
    model, loader = build(dataroot, f"{COLORCUT} {flags}")
    before = weights_of(model)
    losses = take_steps(model, loader, 2)
    assert all(torch.tensor(list(step.values())).isfinite().all() for step in losses)
    after = weights_of(model)
    assert {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])} == {
        name for name, net in model.networks().items() if list(net.parameters())
    }


def test_step_of_colorcut_with_all_weights_0_is_that_of_cut_bit_for_bit(dataroot):
    zero = trained(dataroot, f"{COLORCUT} --lambda_TV 0 --lambda_l1 0 --lambda_Var 0", 5)
    cut = trained(dataroot, f"--model cut --dataset_mode grayscale_unaligned {CUT}", 5)
    assert zero.get_current_losses() == cut.get_current_losses() and same_weights(zero, cut)


def test_step_repeats_with_its_seed_bit_for_bit(dataroot):
    assert same_tensors(*(weights_of(trained(dataroot, COLORCUT, 6)) for _ in range(2)))


def test_step_without_anything_to_learn_is_refused(dataroot):
    model, loader = build(dataroot, f"{MODELS['CUT']} --lambda_GAN 0 --lambda_NCE 0")
    with pytest.raises(UserError, match="nothing to learn"):
        take_steps(model, loader, 1)
