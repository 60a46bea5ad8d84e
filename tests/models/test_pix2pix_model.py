"""pix2pix: a step against a reference written from the paper, and its defaults."""

import pytest
import torch

from models import create_model
from options.train_options import TrainOptions
from tests.helpers.build import build_with_batch
from tests.helpers.reference import adam_step, assert_close_after_adam, copies, cross_entropy, gradients

FLAGS = "--model pix2pix --dataset_mode colorization --lambda_L1 20 --no_dropout true"


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_pix2pix_step_is_that_of_the_reference(dataroot, norm, batch_size):
    model = build_with_batch(dataroot, f"{FLAGS} --batch_size {batch_size} --normG {norm} --normD {norm}")
    nets, (A, B), opt = copies(model), (model.real_A, model.real_B), model.opt
    G, D = nets["G"], nets["D"]
    fake = G(A)
    D_fake, D_real = cross_entropy(D(torch.cat([A, fake.detach()], 1)), 0), cross_entropy(D(torch.cat([A, B], 1)), 1)
    adam_step(D, gradients((D_fake + D_real) / 2, D), opt.lr, opt.beta1)
    G_GAN, G_L1 = cross_entropy(D(torch.cat([A, fake], 1)), 1), (fake - B).abs().mean()
    total = G_GAN + 20 * G_L1
    adam_step(G, gradients(total, G), opt.lr, opt.beta1)
    model.optimize_parameters()
    # D's biases before a norm are off by steps of rounding, which the norm takes out again.
    losses = {"G_GAN": G_GAN, "G_L1": G_L1, "D_real": D_real, "D_fake": D_fake, "G": total}
    expected = {name: loss.item() for name, loss in losses.items()}
    assert model.get_current_losses() == pytest.approx(expected, rel=1e-6)
    assert_close_after_adam(model, nets)


def test_pix2pix_has_the_defaults_of_the_paper():
    opt = TrainOptions("--dataroot x --gpu_ids -1 --model pix2pix --ngf 4").parse()
    networks = (opt.netG, opt.normG, opt.normD, opt.no_dropout)
    assert networks == ("unet_256", "batch", "batch", False)
    assert (opt.gan_mode, opt.dataset_mode, opt.lambda_L1) == ("vanilla", "aligned", 100.0)
    model = create_model(opt)
    assert isinstance(model.netG.model.model[1].model[3].model[3].model[3].model[7], torch.nn.Dropout)
    assert model.netD.model[0].in_channels == 6
