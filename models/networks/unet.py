"""The U-Net generator of pix2pix (Isola et al. 2017)."""

import torch
from torch import nn

from models.networks.layers import NormLayer, needs_bias


class UnetGenerator(nn.Module):
    """`num_downs` downsamplings and upsamplings with skip connections. Sizes are multiples of 2**num_downs."""

    def __init__(
        self, input_nc: int, output_nc: int, num_downs: int, ngf: int, norm: NormLayer, use_dropout: bool = False
    ):
        super().__init__()
        self.size_multiple = 2**num_downs
        block = SkipBlock(ngf * 8, ngf * 8, norm)
        for _ in range(num_downs - 5):
            block = SkipBlock(ngf * 8, ngf * 8, norm, inside=block, use_dropout=use_dropout)
        for factor in (4, 2, 1):
            block = SkipBlock(ngf * factor, ngf * factor * 2, norm, inside=block)
        down = nn.Conv2d(input_nc, ngf, 4, 2, 1, bias=needs_bias(norm))
        up = [nn.ReLU(True), nn.ConvTranspose2d(ngf * 2, output_nc, 4, 2, 1), nn.Tanh()]
        self.model = _Nested(nn.Sequential(down, block, *up))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, input_nc, H, W) in [-1, 1] -> (N, output_nc, H, W) in [-1, 1]."""
        return self.model(images)


class _Nested(nn.Module):
    """The outermost level. It is a module of its own because CUT's keys begin with model.model."""

    def __init__(self, model: nn.Sequential):
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class SkipBlock(nn.Module):
    """Downsampling, the inner block, upsampling; the output is the input and the result, concatenated."""

    def __init__(
        self, outer: int, inner: int, norm: NormLayer, inside: nn.Module | None = None, use_dropout: bool = False
    ):
        super().__init__()
        bias = needs_bias(norm)
        layers = [nn.LeakyReLU(0.2, True), nn.Conv2d(outer, inner, 4, 2, 1, bias=bias)]
        if inside is not None:
            layers += [norm(inner), inside]
        upper = inner if inside is None else inner * 2
        layers += [nn.ReLU(True), nn.ConvTranspose2d(upper, outer, 4, 2, 1, bias=bias), norm(outer)]
        layers += [nn.Dropout(0.5)] if use_dropout else []
        self.model = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, outer, H, W) -> (N, 2 outer, H, W)."""
        # The first layer works in place, as in pix2pix: the skip connection carries the input after leaky ReLU.
        return torch.cat([x, self.model(x)], 1)
