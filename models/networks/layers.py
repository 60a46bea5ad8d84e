"""Layers that the network families share: norms, and antialiased down- and upsampling."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from models.precision import at_least_float32, full_precision

NormLayer = Callable[[int], nn.Module]


class InstanceNorm2d(nn.Module):
    """Normalizes each channel of each image to mean 0 and variance 1: group norm with one channel a group, no scale.

    torch's own instance_norm returns a wrong gradient on the CPU at batch 1 when the incoming gradient is
    channels-last, as the gradient of sampled patches can be.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        with full_precision(x.device):  # autocast would round the statistics to 16 bits
            return F.group_norm(at_least_float32(x), x.shape[1], eps=1e-5).to(x.dtype)


class LayerNorm2d(nn.GroupNorm):
    """Normalizes all channels of each image together (Ba et al. 2016), with a scale and shift for each channel.

    Instance norm removes what all pixels of an image have in common, such as its lightness. This norm keeps it.
    """

    def __init__(self, channels: int):
        super().__init__(1, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        normalize = super().forward if x.device.type == "cpu" else self.normalize_in_steps
        with full_precision(x.device):
            return normalize(at_least_float32(x)).to(x.dtype)

    def normalize_in_steps(self, x: torch.Tensor) -> torch.Tensor:
        """Return what group_norm returns, for a GPU: its group_norm sums a whole image in one block of threads."""
        variance, mean = torch.var_mean(x, (1, 2, 3), correction=0, keepdim=True)
        scale = self.weight.view(-1, 1, 1) * (variance + self.eps).rsqrt()
        return torch.addcmul(self.bias.view(-1, 1, 1), x - mean, scale)


NORMS = ["instance", "batch", "layer", "none"]


def norm_layer(norm: str) -> NormLayer:
    """Return a function that makes the normalization layer for a number of channels."""
    return {
        "instance": lambda channels: InstanceNorm2d(),
        "batch": nn.BatchNorm2d,
        "layer": LayerNorm2d,
        "none": lambda channels: nn.Identity(),
    }[norm]


def needs_bias(norm: NormLayer) -> bool:
    """Return True if convolutions before this norm have a bias. In CUT's networks only instance norm has one."""
    return isinstance(norm(1), InstanceNorm2d)


class Downsample(nn.Module):
    """Blurs by [1 2 1] / 4 in both directions, then takes every second pixel (Zhang 2019, antialiased CNNs)."""

    def __init__(self, channels: int):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("filt", torch.outer(row, row).expand(channels, 1, 3, 3).clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, ceil(H / 2), ceil(W / 2))."""
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class Upsample(nn.Module):
    """Doubles the size with the filter [1 3 3 1], which is bilinear interpolation with repeated edges."""

    def __init__(self, channels: int):
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
        # Not used, but part of CUT's state dicts.
        self.register_buffer("filt", torch.outer(row, row).expand(channels, 1, 4, 4).clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, 2 H, 2 W)."""
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
