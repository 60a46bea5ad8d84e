"""Generator and discriminator of SinCUT, from the layers of StyleGAN2 (Karras et al., CVPR 2020).

Weights are drawn with variance 1 and scaled by their fan-in in each pass, so that Adam's steps are as large in all
layers (equalized learning rate). State-dict keys are CUT's.
"""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import nn

_SLOPE = 0.2  # of the leaky ReLU
_GAIN = math.sqrt(2)  # keeps the variance behind it


class Blur(nn.Module):
    """Filters each channel with [1 3 3 1] in both directions, after padding with zeros."""

    def __init__(self, before: int, after: int, gain: float = 1.0):
        """Args: before, after: zeros on each side; gain: sum of the filter."""
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", gain * torch.outer(row, row))
        self.padding = (before, after, before, after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H + before + after - 3, W + before + after - 3)."""
        return F.conv2d(F.pad(x, self.padding), self.kernel.expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


class ScaledConv2d(nn.Module):
    """A convolution with the equalized learning rate, without bias."""

    def __init__(self, channels: int, out_channels: int, size: int, stride: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, channels, size, size))
        self.scale = 1 / math.sqrt(channels * size**2)
        self.stride, self.padding = stride, size // 2 if stride == 1 else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return F.conv2d(x, self.weight * self.scale, stride=self.stride, padding=self.padding)


class Activation(nn.Module):
    """Adds a bias to each channel; then a leaky ReLU that keeps the variance."""

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return _GAIN * F.leaky_relu(x + self.bias, _SLOPE)


class ConvLayer(nn.Sequential):
    """A convolution, with `downsample` behind a blur and with stride 2, and an activation."""

    def __init__(self, channels: int, out_channels: int, size: int, downsample: bool = False, activate: bool = True):
        border = size + 1  # of the blur, both sides together
        layers: list[nn.Module] = [Blur((border + 1) // 2, border // 2)] if downsample else []
        layers += [ScaledConv2d(channels, out_channels, size, stride=2 if downsample else 1)]
        super().__init__(*layers, *([Activation(out_channels)] if activate else []))


class ResBlock(nn.Module):
    """Two convolutions beside a shortcut, which has a convolution where the shape changes; the variance is kept."""

    def __init__(self, channels: int, out_channels: int, downsample: bool = False):
        super().__init__()
        self.conv1 = ConvLayer(channels, channels, 3)
        self.conv2 = ConvLayer(channels, out_channels, 3, downsample)
        self.skip: nn.Module = nn.Identity()
        if downsample or channels != out_channels:
            self.skip = ConvLayer(channels, out_channels, 1, downsample, activate=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C', H, W), or half of the size."""
        return (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2)


class DemodulatedUpsample(nn.Module):
    """A transposed 3x3 convolution with stride 2, whose filters have length 1 (section 2.2), and a blur."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out_channels, channels, 3, 3))
        self.scale = 1 / math.sqrt(channels * 9)
        self.blur = Blur(1, 1, gain=4.0)  # three of four of its inputs are zeros

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C', 2 H, 2 W)."""
        weight = self.scale * self.weight[0]
        weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        return self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))


class Noise(nn.Module):
    """Adds the same normal noise to all channels, with a learned weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + self.weight * torch.randn_like(x[:, :1])


class UpsampleLayer(nn.Module):
    """Twice the size, noise, activation."""

    def __init__(self, channels: int, out_channels: int, has_noise: bool):
        super().__init__()
        self.conv = DemodulatedUpsample(channels, out_channels)
        self.noise = Noise()  # the small generator has its weight too, without using it
        self.activate = Activation(out_channels)
        self.has_noise = has_noise

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C', 2 H, 2 W)."""
        x = self.conv(x)
        return self.activate(self.noise(x) if self.has_noise else x)


def _power_of_two(size: int) -> int:
    return 2 ** round(math.log2(size))


class _Convs(nn.Module):
    """Layers under CUT's name for them."""

    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.convs = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convs(x)


class StyleGAN2Generator(nn.Module):
    """Downsampling residual blocks, `n_blocks` residual blocks, upsampling layers. It has no norm and no tanh."""

    def __init__(
        self,
        input_nc: int,
        output_nc: int,
        ngf: int,
        size: int = 64,
        downsamplings: int = 1,
        has_noise: bool = True,
        n_blocks: int = 6,
    ):
        """Args: size: of the training images, on which the numbers of channels depend; ngf: 32 are StyleGAN2's."""
        super().__init__()
        size = _power_of_two(size)
        sides = [size // 2**number for number in range(downsamplings + 1)]
        channels = [round(16384 / side * ngf / 32) for side in sides]
        channels = [min(512, count) if side <= 32 else count for side, count in zip(sides, channels, strict=True)]
        blocks = [[ResBlock(channels[-1], channels[-1]) for _ in range(n_blocks // 2)] for _ in range(2)]
        down = [ResBlock(*pair, downsample=True) for pair in itertools.pairwise(channels)]
        up = [UpsampleLayer(*pair, has_noise) for pair in itertools.pairwise(channels[::-1])]
        self.encoder = _Convs([nn.Identity(), ConvLayer(input_nc, channels[0], 1), *down, *blocks[0]])
        self.decoder = _Convs([*blocks[1], *up, ConvLayer(channels[0], output_nc, 1)])
        self.size_multiple = 2**downsamplings
        self.channels = [input_nc, *channels, *channels[-1:] * len(blocks[0])]

    @property
    def model(self) -> nn.Sequential:
        """The layers that --nce_layers counts: those of the encoder."""
        return self.encoder.convs

    def forward(
        self, images: torch.Tensor, layers: list[int] | None = None, encode_only: bool = False
    ) -> torch.Tensor | list[torch.Tensor] | tuple[torch.Tensor, list[torch.Tensor]]:
        """Translate images, return features, or both.

        Args:
            images: (N, input_nc, H, W) in [-1, 1], H and W multiples of `size_multiple`.
            layers: numbers of the layers of the encoder whose outputs to return, ascending; -1 is the last one.
            encode_only: return the features alone.
        Returns:
            Images (N, output_nc, H, W), about in [-1, 1]; with layers (images, features); with encode_only features.
        """
        taps = [tap % len(self.model) for tap in layers or []]
        x, features = images, []
        for number, layer in enumerate(self.model):
            x = layer(x)
            if number in taps:
                features.append(x)
            if encode_only and number == taps[-1]:
                return features
        images = self.decoder(x)
        return (images, features) if layers else images

    def tap_channels(self, taps: list[int]) -> list[int]:
        """Return the channel counts of the outputs of these layers."""
        return [self.channels[tap] for tap in taps]


class StyleGAN2Discriminator(nn.Module):
    """Residual blocks down to 4x4, then one score an image."""

    def __init__(self, input_nc: int, ndf: int, size: int = 64):
        """Args: size: of the images, a power of two from 8; ndf: 64 are StyleGAN2's."""
        super().__init__()
        self.size = _power_of_two(size)
        sides = [self.size // 2**number for number in range(int(math.log2(self.size)) - 1)]
        channels = [int(16384 / side * ndf / 64) for side in sides]
        channels = [min(384, count) if side <= 32 else count for side, count in zip(sides, channels, strict=True)]
        blocks = [ResBlock(*pair, downsample=True) for pair in itertools.pairwise(channels)]
        self.convs = nn.Sequential(ConvLayer(input_nc, channels[0], 1), *blocks)
        self.final_conv = ConvLayer(channels[-1], channels[-1], 3)
        self.final_linear = nn.Sequential(
            ScaledLinear(channels[-1] * 16, channels[-1], True), ScaledLinear(channels[-1], 1)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, size, size) -> scores (N, 1)."""
        return self.final_linear(self.final_conv(self.convs(images)).flatten(1))


class ScaledLinear(nn.Module):
    """A linear layer with the equalized learning rate, with or without an activation."""

    def __init__(self, channels: int, out_channels: int, activate: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.scale = 1 / math.sqrt(channels)
        self.activate = activate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C) -> (N, C')."""
        x = F.linear(x, self.weight * self.scale, self.bias)
        return _GAIN * F.leaky_relu(x, _SLOPE) if self.activate else x
