"""GAN losses, on the score maps of a PatchGAN."""

import torch
import torch.nn.functional as F
from torch import nn

from models.precision import at_least_float32
from models.shared_pass import run_on_both

GAN_MODES = ["lsgan", "vanilla", "wgangp", "nonsaturating"]


def gan_loss(scores: torch.Tensor, target_is_real: bool, mode: str = "lsgan") -> torch.Tensor:
    """Return the distance of scores from their target.

    lsgan: squared distance to 1 or 0 (Mao et al. 2017). vanilla, nonsaturating: cross entropy of the logit
    (Goodfellow et al. 2014). wgangp: minus or plus the score (Arjovsky et al. 2017).

    Args:
        scores: (N, 1, H, W), unbounded.
    Returns:
        (N,), the mean over the scores of each image.
    """
    scores = at_least_float32(scores)
    if mode == "lsgan":
        loss = (scores - 1.0) ** 2 if target_is_real else scores**2
    elif mode == "wgangp":
        loss = -scores if target_is_real else scores
    else:
        loss = F.softplus(-scores if target_is_real else scores)
    return loss.flatten(1).mean(1)


class GANLoss(nn.Module):
    """CUT's name for the loss: criterionGAN(scores, target_is_real) is the mean over all scores."""

    def __init__(self, gan_mode: str):
        super().__init__()
        self.gan_mode = gan_mode

    def forward(self, prediction: torch.Tensor, target_is_real: bool) -> torch.Tensor:
        """Scores (N, 1, H, W) -> loss ()."""
        return gan_loss(prediction, target_is_real, self.gan_mode).mean()


def discriminator_losses(
    netD: nn.Module, fake: torch.Tensor, real: torch.Tensor, criterion: GANLoss, share_pass: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the losses () of a discriminator on fake and on real images (N, C, H, W).

    Args: share_pass: judge both in one pass. Right where the images of a batch do not influence each other.
    """
    scores_fake, scores_real = run_on_both(netD, fake, real, share_pass)
    return criterion(scores_fake, False), criterion(scores_real, True)


def r1_penalty(netD: nn.Module, real: torch.Tensor) -> torch.Tensor:
    """Return |gradient of D|^2 / 2 at real images (Mescheder et al. 2018, eq. 9, without gamma).

    Args: real: (N, C, H, W); no gradient reaches them.
    Returns:
        (N,), unweighted.
    """
    real = real.detach().requires_grad_().clone()  # torch's counter of FLOPs takes no gradient of a leaf
    (gradient,) = torch.autograd.grad(netD(real).sum(), real, create_graph=True)
    return gradient.flatten(1).square().sum(1) / 2


def gradient_penalty(netD: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return (|gradient of D| - 1)^2 at random interpolations between real and fake (Gulrajani et al. 2017, eq. 3).

    Args:
        real, fake: (N, C, H, W) of one size; no gradient reaches them. If fake has k N images, real is repeated.
    Returns:
        (N,), unweighted.
    """
    real = real.repeat(len(fake) // len(real), 1, 1, 1)
    share = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    mixed = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(netD(mixed).sum(), mixed, create_graph=True)
    return ((gradient.flatten(1).square().sum(1) + 1e-16).sqrt() - 1) ** 2
