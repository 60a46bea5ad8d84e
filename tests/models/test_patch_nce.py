"""PatchNCE against loops."""

import math

import torch

from models.patch_nce import patch_nce


def unit_vectors(*shape: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def test_patch_nce_is_that_of_a_loop():
    q, k = unit_vectors(2, 5, 8), unit_vectors(2, 5, 8)
    for n in range(2):
        total = 0.0
        for i in range(5):
            scores = [math.exp(float(q[n, i] @ k[n, j]) / 0.07) for j in range(5)]
            total += -math.log(scores[i] / sum(scores))
        assert abs(patch_nce(q, k)[n].item() - total / 5) < 1e-9


def test_patch_nce_takes_negatives_from_the_images_of_a_group():
    q, k = unit_vectors(4, 3, 8), unit_vectors(4, 3, 8)
    pairs = [patch_nce(q[n : n + 2].reshape(1, 6, 8), k[n : n + 2].reshape(1, 6, 8)) for n in (0, 2)]
    grouped = patch_nce(q, k, images_per_group=2)
    assert torch.allclose(grouped.view(2, 2).mean(1), torch.cat(pairs), atol=1e-12)
