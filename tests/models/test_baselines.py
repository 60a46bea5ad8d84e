"""CycleGAN and pix2pix: losses, gradients and a step against twins written from the papers, and their pools."""

import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from util.checkpoint import seed_everything
from util.image_pool import ImagePool

SMALL = "--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --num_threads 0 --seed 1 --init_gain 1"
CYCLE = "--model cycle_gan --dataset_mode grayscale_unaligned --lambda_A 7 --lambda_B 5 --lambda_identity 0.3"
PAIRS = "--model pix2pix --dataset_mode colorization --lambda_L1 20"


def ready(pictures, flags: str):
    """A model in float64 with one batch taken."""
    opt = TrainOptions(f"--dataroot {pictures} {SMALL} {flags}").parse()
    seed_everything(3)
    model = create_model(opt)
    for net in model.networks().values():
        net.double()
    model.set_input(next(iter(create_dataset(opt))))
    model.real_A, model.real_B = model.real_A.double(), model.real_B.double()
    return model


def own_copy(model) -> dict[str, torch.nn.Module]:
    return {name: copy.deepcopy(net) for name, net in model.networks().items()}


def cross_entropy(scores: torch.Tensor, real: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, real))


def square(scores: torch.Tensor, real: float) -> torch.Tensor:
    return ((scores - real) ** 2).mean()


def adam_step(net: torch.nn.Module, gradients: tuple[torch.Tensor, ...], lr: float, beta1: float) -> None:
    """Adam's first step by hand: moments from 0, bias corrected (Kingma and Ba 2015, algorithm 1)."""
    for p, g in zip(net.parameters(), gradients, strict=True):
        m, v = (1 - beta1) * g / (1 - beta1), (1 - 0.999) * g**2 / (1 - 0.999)
        p.data -= lr * m / (v.sqrt() + 1e-8)


def gradients_of(loss: torch.Tensor, net: torch.nn.Module) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)


def check_step(model, nets: dict[str, torch.nn.Module]) -> None:
    """All weights are the twin's; a bias before a norm has no gradient but rounding, which Adam makes steps of."""
    for name, net in model.networks().items():
        for (key, ours), theirs in zip(net.named_parameters(), nets[name].parameters(), strict=True):
            limit = (1e-3 if ours.dim() > 1 else 2.1) * model.opt.lr
            assert (ours - theirs).abs().max() <= limit, (name, key)


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_step_of_cyclegan_is_the_twin_s(pictures, norm, batch_size):
    model = ready(pictures, f"{CYCLE} --batch_size {batch_size} --normG {norm} --normD {norm}")
    nets, (A, B), opt = own_copy(model), (model.real_A, model.real_B), model.opt
    G_A, G_B, D_A, D_B = (nets[name] for name in ("G_A", "G_B", "D_A", "D_B"))
    fake_B, fake_A = G_A(A), G_B(B)
    parts = {
        "G_A": square(D_A(fake_B), 1), "G_B": square(D_B(fake_A), 1),
        "cycle_A": (G_B(fake_B) - A).abs().mean(), "cycle_B": (G_A(fake_A) - B).abs().mean(),
        "idt_A": (G_A(B) - B).abs().mean(), "idt_B": (G_B(A) - A).abs().mean(),
        "D_A": (square(D_A(fake_B.detach()), 0) + square(D_A(B), 1)) / 2,
        "D_B": (square(D_B(fake_A.detach()), 0) + square(D_B(A), 1)) / 2,
    }  # fmt: skip
    total = parts["G_A"] + parts["G_B"] + 7 * parts["cycle_A"] + 5 * parts["cycle_B"]
    total = total + 0.3 * (5 * parts["idt_A"] + 7 * parts["idt_B"])
    model.optimize_parameters()
    losses = model.get_current_losses()
    assert losses == pytest.approx({**{k: v.item() for k, v in parts.items()}, "G": total.item()}, rel=1e-9)
    of = {"G_A": total, "G_B": total, "D_A": parts["D_A"], "D_B": parts["D_B"]}
    gradients = {name: gradients_of(loss, nets[name]) for name, loss in of.items()}
    for name in ("G_A", "G_B"):
        scale = max(g.abs().max() for g in gradients[name])
        for ours, theirs in zip(model.networks()[name].parameters(), gradients[name], strict=True):
            assert (ours.grad - theirs).abs().max() <= 1e-9 * scale
    for name, net in nets.items():
        adam_step(net, gradients[name], opt.lr, opt.beta1)
    check_step(model, nets)


def test_identity_can_be_left_out(pictures):
    model = ready(pictures, f"{CYCLE} --lambda_identity 0")
    model.optimize_parameters()
    assert "idt_A" not in model.loss_names + list(model.get_current_visuals())


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_step_of_pix2pix_is_the_twin_s(pictures, norm, batch_size):
    model = ready(pictures, f"{PAIRS} --batch_size {batch_size} --normG {norm} --normD {norm} --no_dropout true")
    nets, (A, B), opt = own_copy(model), (model.real_A, model.real_B), model.opt
    G, D = nets["G"], nets["D"]
    fake = G(A)
    D_fake, D_real = cross_entropy(D(torch.cat([A, fake.detach()], 1)), 0), cross_entropy(D(torch.cat([A, B], 1)), 1)
    adam_step(D, gradients_of((D_fake + D_real) / 2, D), opt.lr, opt.beta1)
    G_GAN, G_L1 = cross_entropy(D(torch.cat([A, fake], 1)), 1), (fake - B).abs().mean()
    total = G_GAN + 20 * G_L1
    adam_step(G, gradients_of(total, G), opt.lr, opt.beta1)
    model.optimize_parameters()
    # D's biases before a norm are off by steps of rounding, which the norm takes out again.
    expected = {"G_GAN": G_GAN, "G_L1": G_L1, "D_real": D_real, "D_fake": D_fake, "G": total}
    assert model.get_current_losses() == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-6)
    check_step(model, nets)


def test_pix2pix_is_the_paper_s_by_default(pictures):
    opt = TrainOptions("--dataroot x --gpu_ids -1 --model pix2pix").parse()
    assert (opt.netG, opt.normG, opt.normD, opt.no_dropout, opt.gan_mode, opt.dataset_mode, opt.lambda_L1) == (
        "unet_256", "batch", "batch", False, "vanilla", "aligned", 100.0)  # fmt: skip
    model = create_model(opt)
    assert isinstance(model.netG.model.model[1].model[3].model[3].model[3].model[7], torch.nn.Dropout)
    assert model.netD.model[0].in_channels == 6


def test_a_pool_hands_out_each_picture_once_more_on_average():
    """Once full, half of what comes out is old; every picture either comes out at once or waits its turn."""
    random.seed(0)
    pool, size, count = ImagePool(50), 50, 4000
    assert torch.equal(ImagePool(0).query(torch.ones(3, 1)), torch.ones(3, 1))
    first = pool.query(torch.arange(size).float().view(size, 1))
    assert first.flatten().tolist() == list(range(size))  # as they come, until it is full
    out = [pool.query(torch.tensor([[float(number)]])).item() for number in range(size, size + count)]
    old = [number - got for number, got in zip(range(size, size + count), out, strict=True) if got != number]
    assert abs(len(old) / count - 0.5) < 4 * np.sqrt(0.25 / count)
    # A stored picture waits for the swap of its place: one in 2 * 50 queries, a mean of 100.
    assert abs(np.mean(old[500:]) - 100) < 4 * 100 / np.sqrt(len(old) - 500)
    assert len(pool.images) == size and len(set(out)) == len(out)  # none is ever handed out twice after that


def test_a_pool_takes_batches_and_keeps_no_graph():
    random.seed(1)
    pool, images = ImagePool(2), torch.randn(5, 3, 4, 4, requires_grad=True)
    out = pool.query(images)
    assert out.shape == images.shape and not out.requires_grad
    assert all(any(torch.equal(one, other) for other in images) for one in out)
