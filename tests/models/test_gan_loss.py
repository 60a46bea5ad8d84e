"""GAN losses by hand and against torch."""

import torch

from models.gan_loss import gan_loss, gradient_penalty


def test_gan_loss_of_lsgan_and_wgangp_by_hand():
    scores = torch.tensor([[[[0.0, 2.0]]], [[[1.0, 1.0]]]])
    assert gan_loss(scores, True).tolist() == [1.0, 0.0]
    assert gan_loss(scores, False).tolist() == [2.0, 1.0]
    assert gan_loss(scores, True, "wgangp").tolist() == [-1.0, -1.0]


def test_gan_loss_cross_entropy_is_that_of_torch():
    scores = torch.randn(2, 1, 3, 3)
    for real in (True, False):
        target = torch.full_like(scores, float(real))
        expected = torch.nn.functional.binary_cross_entropy_with_logits(scores, target)
        for mode in ("vanilla", "nonsaturating"):
            assert torch.allclose(gan_loss(scores, real, mode).mean(), expected)


def test_gradient_penalty_of_a_linear_critic():
    weight = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)  # gradient norm 5 everywhere
    real, fake = torch.randn(2, 3, 2, 1, 1)
    penalty = gradient_penalty(lambda x: (x * weight).sum(1, keepdim=True), real, fake)
    assert torch.allclose(penalty, torch.full((3,), 16.0))
    twice = gradient_penalty(lambda x: (x * weight).sum(1, keepdim=True), real, torch.cat([fake, fake]))
    assert torch.allclose(twice, torch.full((6,), 16.0))
