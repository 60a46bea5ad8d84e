"""SinCUT: its losses from their definitions, and a run from two images to a result at full size."""

import pytest
import torch
import torch.nn.functional as F

from models.gan_loss import r1_penalty
from models.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from tests.helpers.build import build, build_with_batch, same_checkpoints, same_weights, take_steps
from tests.helpers.images import make_dataroot, noise, read
from tests.helpers.launch import output_of, refusal
from train import main

SINCUT = ("--model sincut --gpu_ids -1 --ngf 1 --ndf 1 --netF_nc 16 --crop_size 32 --batch_size 4 --num_threads 0 "
          "--netG stylegan2 --nce_layers 0,2,4 --seed 1 --max_dataset_size 16")  # fmt: skip


@pytest.fixture
def one_of_each(tmp_path):
    make_dataroot(tmp_path / "one", "trainA", images=[noise(60, 90, 1)])
    return make_dataroot(tmp_path / "one", "trainB", images=[noise(70, 50, 2)])


def test_r1_penalty_of_a_linear_discriminator_is_half_of_its_squared_weights():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 5, 1))
    penalty = r1_penalty(net, torch.randn(6, 3, 4, 5))
    assert torch.allclose(penalty, (net[1].weight.square().sum() / 2).expand(6))


def test_r1_penalty_has_the_gradient_of_differences():
    net, images = StyleGAN2Discriminator(3, 2, 16).double(), torch.randn(2, 3, 16, 16, dtype=torch.float64)
    weight = net.convs[1].conv2[1].weight
    (gradient,) = torch.autograd.grad(r1_penalty(net, images).mean(), weight)
    direction, step = torch.randn_like(weight), 1e-6
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * step * direction
        values.append(r1_penalty(net, images).mean().item())
        with torch.no_grad():
            weight -= sign * step * direction
    assert (values[0] - values[1]) / (2 * step) == pytest.approx((gradient * direction).sum().item(), rel=1e-6)


def test_sincut_has_the_losses_of_their_definitions(one_of_each):
    model = build_with_batch(one_of_each, SINCUT)
    opt = model.opt
    torch.manual_seed(3)
    model.forward()
    fake, idt, real = model.fake_B.detach(), model.idt_B.detach(), model.real_B
    loss_D = model.compute_D_loss()
    scores = model.netD(real.requires_grad_())
    (slope,) = torch.autograd.grad(scores.sum(), real)
    r1 = slope.flatten(1).square().sum(1).mean() / 2
    expected = (F.softplus(-scores).mean() + F.softplus(model.netD(fake)).mean()) / 2 + opt.lambda_R1 * r1
    assert torch.allclose(loss_D, expected) and opt.lambda_R1 == 1

    torch.manual_seed(4)
    loss_G = model.compute_G_loss()
    torch.manual_seed(4)
    ids = [[torch.randperm(layer.shape[2] * layer.shape[3])[:1] for layer in model.netG(fake, [0, 2, 4], True)]
           for _ in range(2)]  # fmt: skip
    nce = []
    for source, target, of_pair in ((model.real_A, fake, ids[0]), (real, idt, ids[1])):
        queries, keys = (model.netF(model.netG(images, [0, 2, 4], True), of_pair) for images in (target, source))
        layers = [F.cross_entropy(query[:, 0] @ key[:, 0].T / 0.07, torch.arange(4))  # one patch of each image
                  for query, key in zip(queries, keys, strict=True)]  # fmt: skip
        nce.append(torch.stack(layers).mean())
    expected = F.softplus(-model.netD(fake)).mean() + 4 * (nce[0] + nce[1]) / 2 + (idt - real).abs().mean()
    assert torch.allclose(loss_G, expected)
    assert [float(model.loss_NCE), float(model.loss_NCE_Y)] == pytest.approx(torch.stack(nce).tolist())


@pytest.mark.parametrize("flags", ["--lambda_R1 0", "--lambda_identity 0", "--nce_idt false", "--CUT_mode FastCUT",
                                   "--netG smallstylegan2 --nce_layers 0,2", "--stylegan2_G_num_downsampling 2",
                                   "--accumulate 2 --batch_size 2", "--netG resnet_4blocks --netD basic"])  # fmt: skip
def test_sincut_trains_in_every_variant(one_of_each, flags):
    model, loader = build(one_of_each, f"{SINCUT} {flags}")
    before = {name: [p.clone() for p in net.parameters()] for name, net in model.networks().items()}
    losses = take_steps(model, loader, 2)
    assert all(torch.isfinite(torch.tensor([*one.values()])).all() for one in losses)
    for name, net in model.networks().items():
        assert any(not torch.equal(one, other) for one, other in zip(net.parameters(), before[name], strict=True))


def test_sincut_repeats_with_its_seed(one_of_each):
    models = []
    for _ in range(2):
        model, loader = build(one_of_each, SINCUT)
        take_steps(model, loader, 3)
        models.append(model)
    assert same_weights(*models)


def test_generator_takes_sizes_that_it_was_not_trained_on():
    net = StyleGAN2Generator(3, 3, 4, 64, downsamplings=2)
    assert net(torch.randn(1, 3, 20, 44)).shape == (1, 3, 20, 44)
    images, features = net(torch.randn(2, 3, 32, 32), [0, 2, -1])
    channels = net.tap_channels([0, 2, len(net.model) - 1])
    assert images.shape == (2, 3, 32, 32) and [feature.shape[1] for feature in features] == channels


def test_sincut_continues_as_if_it_had_not_stopped_and_colors_the_whole_image(one_of_each, tmp_path):
    run = f"--dataroot {one_of_each} --checkpoints_dir {tmp_path / 'ck'} --display_id -1 --n_epochs_decay 0 {SINCUT}"
    output_of(f"train.py {run} --name whole --n_epochs 2")
    output_of(f"train.py {run} --name parts --n_epochs 1")
    output_of(f"train.py --checkpoints_dir {tmp_path / 'ck'} --name parts --continue_train --gpu_ids -1 --n_epochs 2")
    assert same_checkpoints(tmp_path / "ck/whole", tmp_path / "ck/parts")
    page = (tmp_path / "ck/whole/web/index.html").read_text()
    assert "idt_B" in page
    output_of(f"test.py --dataroot {one_of_each} --checkpoints_dir {tmp_path / 'ck'} --name whole --gpu_ids -1 "
              f"--results_dir {tmp_path / 'results'}")  # fmt: skip
    images = tmp_path / "results/whole/test_latest/images"
    assert read(images / "fake_B/trainA/0.png").shape == (60, 90, 3)


def test_sincut_refuses_a_size_that_its_discriminator_cannot_take(one_of_each):
    words = f"--dataroot {one_of_each} --name x {SINCUT} --crop_size 40 --display_id -1"
    assert "--crop_size 40: --netD stylegan2 --ndf 1" in refusal(main, words)
