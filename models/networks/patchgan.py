"""PatchGAN discriminators (Isola et al. 2017): one score for each patch."""

import torch
from torch import nn

from models.networks.layers import Downsample, NormLayer, needs_bias


class NLayerDiscriminator(nn.Module):
    """`n_layers` downsamplings, then two convolutions of stride 1. With 3 layers a score sees 70x70 pixels."""

    def __init__(self, input_nc: int, ndf: int, n_layers: int, norm: NormLayer, antialias: bool = True):
        super().__init__()
        self.n_layers = n_layers
        bias = needs_bias(norm)
        layers: list[nn.Module] = []
        before = input_nc
        for level in range(n_layers + 1):
            channels = ndf * min(2**level, 8)
            halve = level < n_layers
            stride = 2 if halve and not antialias else 1
            first = level == 0
            layers += [nn.Conv2d(before, channels, 4, stride, padding=1, bias=bias or first)]
            layers += [] if first else [norm(channels)]
            layers += [nn.LeakyReLU(0.2, True)]
            layers += [Downsample(channels)] if halve and antialias else []
            before = channels
        layers += [nn.Conv2d(before, 1, 4, padding=1)]
        self.model = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> scores (N, 1, H', W')."""
        return self.model(images)


class PixelDiscriminator(nn.Module):
    """A score for each pixel by 1x1 convolutions."""

    def __init__(self, input_nc: int, ndf: int, norm: NormLayer):
        super().__init__()
        bias = needs_bias(norm)
        self.net = nn.Sequential(
            nn.Conv2d(input_nc, ndf, 1),
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(ndf, ndf * 2, 1, bias=bias),
            norm(ndf * 2),
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(ndf * 2, 1, 1, bias=bias),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> scores (N, 1, H, W)."""
        return self.net(images)
