"""Pieces of a training step written from the papers: GAN losses, gradients, and Adam's first step."""

import copy

import torch
import torch.nn.functional as F

from models.base_model import BaseModel


def cross_entropy(scores: torch.Tensor, real: float) -> torch.Tensor:
    """The GAN loss of Goodfellow et al. 2014, of logits."""
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, real))


def squared_error(scores: torch.Tensor, real: float) -> torch.Tensor:
    """The GAN loss of Mao et al. 2017."""
    return ((scores - real) ** 2).mean()


def gradients(loss: torch.Tensor, net: torch.nn.Module) -> tuple[torch.Tensor | None, ...]:
    """The gradients of a loss with respect to the weights of a network; None for a weight it does not depend on."""
    return torch.autograd.grad(loss, list(net.parameters()), retain_graph=True, allow_unused=True)


def copies(model: BaseModel) -> dict[str, torch.nn.Module]:
    """Copies of the networks of a model by name."""
    return {name: copy.deepcopy(net) for name, net in model.networks().items()}


def adam_step(net: torch.nn.Module, gradients: tuple[torch.Tensor, ...], lr: float, beta1: float) -> None:
    """Adam's first step by hand: moments from 0, bias corrected (Kingma and Ba 2015, algorithm 1)."""
    for p, g in zip(net.parameters(), gradients, strict=True):
        m, v = (1 - beta1) * g / (1 - beta1), (1 - 0.999) * g**2 / (1 - 0.999)
        p.data -= lr * m / (v.sqrt() + 1e-8)


def assert_close_after_adam(model: BaseModel, expected: dict[str, torch.nn.Module]) -> None:
    """All weights are as expected. Before a norm the gradient of a bias is rounding, which Adam makes full steps of."""
    for name, net in model.networks().items():
        for (key, ours), theirs in zip(net.named_parameters(), expected[name].parameters(), strict=True):
            limit = (1e-3 if ours.dim() > 1 else 2.1) * model.opt.lr
            assert (ours - theirs).abs().max() <= limit, (name, key)
