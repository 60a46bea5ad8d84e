"""GAN losses on maps of scores."""

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.joined import run_on_both
from models.precision import at_least_float32


def gan_loss(scores: torch.Tensor, target_is_real: bool, mode: str = "lsgan") -> torch.Tensor:
    """Return how far scores are from what they should say.

    lsgan: squared distance to 1 or 0 (Mao et al. 2017). vanilla, nonsaturating: cross entropy of the logit
    (Goodfellow et al. 2014). wgangp: minus or plus the score (Arjovsky et al. 2017).

    Args:
        scores: (N, 1, H, W), unbounded.
    Returns:
        (N,), the mean over each picture's scores.
    """
    scores = at_least_float32(scores)
    if mode == "lsgan":
        loss = (scores - 1.0) ** 2 if target_is_real else scores**2
    elif mode == "wgangp":
        loss = -scores if target_is_real else scores
    else:
        loss = F.softplus(-scores if target_is_real else scores)
    return loss.flatten(1).mean(1)


def discriminator_losses(
    netD: nn.Module, fake: torch.Tensor, real: torch.Tensor, mode: str, together: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean losses of a discriminator on fake and on real pictures (N, C, H, W).

    Args:
        together: judge both in one pass: right where pictures of a batch do not see each other.
    """
    scores_fake, scores_real = run_on_both(netD, fake, real, together)
    return gan_loss(scores_fake, False, mode).mean(), gan_loss(scores_real, True, mode).mean()


def gradient_penalty(netD: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return (|gradient of D| - 1)^2 at random mixtures of real and fake (Gulrajani et al. 2017, eq. 3).

    Args:
        real, fake: (N, C, H, W) of one size; no gradient reaches them.
    Returns:
        (N,), unweighted.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    mixed = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(netD(mixed).sum(), mixed, create_graph=True)
    return ((gradient.flatten(1).square().sum(1) + 1e-16).sqrt() - 1) ** 2
