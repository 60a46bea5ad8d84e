"""PatchNCE and the GAN losses against loops and hand computation."""

import math

import torch

from models.gan_loss import gan_loss, gradient_penalty
from models.patch_nce import patch_nce


def test_patch_nce_against_a_loop():
    q = torch.nn.functional.normalize(torch.randn(2, 5, 8, dtype=torch.float64), dim=-1)
    k = torch.nn.functional.normalize(torch.randn(2, 5, 8, dtype=torch.float64), dim=-1)
    for n in range(2):
        total = 0.0
        for i in range(5):
            scores = [math.exp(float(q[n, i] @ k[n, j]) / 0.07) for j in range(5)]
            total += -math.log(scores[i] / sum(scores))
        assert abs(patch_nce(q, k)[n].item() - total / 5) < 1e-9


def test_patch_nce_with_negatives_of_neighbours():
    q, k = (torch.nn.functional.normalize(torch.randn(4, 3, 8, dtype=torch.float64), dim=-1) for _ in "qk")
    pairs = [patch_nce(q[n : n + 2].reshape(1, 6, 8), k[n : n + 2].reshape(1, 6, 8)) for n in (0, 2)]
    together = patch_nce(q, k, pictures=2)
    assert torch.allclose(together.view(2, 2).mean(1), torch.cat(pairs), atol=1e-12)


def test_lsgan_by_hand():
    scores = torch.tensor([[[[0.0, 2.0]]], [[[1.0, 1.0]]]])
    assert gan_loss(scores, True).tolist() == [1.0, 0.0]
    assert gan_loss(scores, False).tolist() == [2.0, 1.0]


def test_cross_entropy_modes_against_torch():
    scores = torch.randn(2, 1, 3, 3)
    for real in (True, False):
        target = torch.full_like(scores, float(real))
        expected = torch.nn.functional.binary_cross_entropy_with_logits(scores, target)
        for mode in ("vanilla", "nonsaturating"):
            assert torch.allclose(gan_loss(scores, real, mode).mean(), expected)


def test_gradient_penalty_of_a_linear_critic():
    weight = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)  # gradient norm 5 everywhere
    penalty = gradient_penalty(
        lambda x: (x * weight).sum(1, keepdim=True), torch.randn(3, 2, 1, 1), torch.randn(3, 2, 1, 1)
    )
    assert torch.allclose(penalty, torch.full((3,), 16.0))
