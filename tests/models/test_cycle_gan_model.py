"""CycleGAN: losses, gradients and a step against a reference written from the paper."""

import pytest

from tests.helpers.build import build_with_batch
from tests.helpers.reference import adam_step, assert_close_after_adam, copies, gradients, squared_error

FLAGS = "--model cycle_gan --dataset_mode grayscale_unaligned --lambda_A 7 --lambda_B 5 --lambda_identity 0.3"


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_cycle_gan_step_is_that_of_the_reference(dataroot, norm, batch_size):
    model = build_with_batch(dataroot, f"{FLAGS} --batch_size {batch_size} --normG {norm} --normD {norm}")
    nets, (A, B), opt = copies(model), (model.real_A, model.real_B), model.opt
    G_A, G_B, D_A, D_B = (nets[name] for name in ("G_A", "G_B", "D_A", "D_B"))
    fake_B, fake_A = G_A(A), G_B(B)
    parts = {
        "G_A": squared_error(D_A(fake_B), 1), "G_B": squared_error(D_B(fake_A), 1),
        "cycle_A": (G_B(fake_B) - A).abs().mean(), "cycle_B": (G_A(fake_A) - B).abs().mean(),
        "idt_A": (G_A(B) - B).abs().mean(), "idt_B": (G_B(A) - A).abs().mean(),
        "D_A": (squared_error(D_A(fake_B.detach()), 0) + squared_error(D_A(B), 1)) / 2,
        "D_B": (squared_error(D_B(fake_A.detach()), 0) + squared_error(D_B(A), 1)) / 2,
    }  # fmt: skip
    total = parts["G_A"] + parts["G_B"] + 7 * parts["cycle_A"] + 5 * parts["cycle_B"]
    total = total + 0.3 * (5 * parts["idt_A"] + 7 * parts["idt_B"])
    model.optimize_parameters()
    expected = {**{name: loss.item() for name, loss in parts.items()}, "G": total.item()}
    assert model.get_current_losses() == pytest.approx(expected, rel=1e-9)
    for name in ("G_A", "G_B"):
        theirs = gradients(total, nets[name])
        scale = max(gradient.abs().max() for gradient in theirs)
        for weight, gradient in zip(model.networks()[name].parameters(), theirs, strict=True):
            assert (weight.grad - gradient).abs().max() <= 1e-9 * scale
    losses = {"G_A": total, "G_B": total, "D_A": parts["D_A"], "D_B": parts["D_B"]}
    steps = {name: gradients(loss, nets[name]) for name, loss in losses.items()}
    for name, net in nets.items():
        adam_step(net, steps[name], opt.lr, opt.beta1)
    assert_close_after_adam(model, nets)


def test_cycle_gan_without_identity_has_no_identity_losses(dataroot):
    model = build_with_batch(dataroot, f"{FLAGS} --lambda_identity 0")
    model.optimize_parameters()
    assert "idt_A" not in model.loss_names + list(model.get_current_visuals())
