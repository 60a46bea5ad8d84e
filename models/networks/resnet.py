"""The ResNet generator of Johnson et al. 2016, with antialiased down- and upsampling as in CUT."""

import torch
from torch import nn

from models.networks.context import ContextBranch, context_of
from models.networks.layers import Downsample, NormLayer, Upsample, needs_bias


class ResnetGenerator(nn.Module):
    """7x7 convolution, two downsamplings, `n_blocks` residual blocks, two upsamplings, 7x7 convolution, tanh.

    The layers are one Sequential, so that state-dict keys and the layer numbers of --nce_layers are CUT's.
    """

    size_multiple = 4

    def __init__(
        self,
        input_nc: int,
        output_nc: int,
        ngf: int,
        norm: NormLayer,
        use_dropout: bool = False,
        n_blocks: int = 9,
        antialias: bool = True,
        antialias_up: bool = True,
        context: bool = False,
    ):
        """Args: context: add features of a `ContextBranch` before the first block and before the last convolution."""
        super().__init__()
        bias = needs_bias(norm)
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(input_nc, ngf, 7, bias=bias)]
        layers += [norm(ngf), nn.ReLU(True)]
        channels = ngf
        for _ in range(2):
            stride = 1 if antialias else 2
            layers += [nn.Conv2d(channels, channels * 2, 3, stride, padding=1, bias=bias)]
            channels *= 2
            layers += [norm(channels), nn.ReLU(True)]
            layers += [Downsample(channels)] if antialias else []
        layers += [ResnetBlock(channels, norm, use_dropout) for _ in range(n_blocks)]
        for _ in range(2):
            if antialias_up:
                layers += [Upsample(channels), nn.Conv2d(channels, channels // 2, 3, padding=1, bias=bias)]
            else:
                layers += [nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1, bias=bias)]
            channels //= 2
            layers += [norm(channels), nn.ReLU(True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, output_nc, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        self.input_nc = input_nc
        self.context = nn.ModuleDict()  # by the number of the layer whose input they are added to
        if context:
            first_block = next(n for n, layer in enumerate(layers) if isinstance(layer, ResnetBlock))
            self.context[str(first_block)] = ContextBranch(4 * ngf, factor=4)
            self.context[str(len(layers) - 3)] = ContextBranch(ngf, factor=1)

    def forward(
        self, images: torch.Tensor, layers: list[int] | None = None, encode_only: bool = False
    ) -> torch.Tensor | list[torch.Tensor] | tuple[torch.Tensor, list[torch.Tensor]]:
        """Translate images, return features, or both.

        Args:
            images: (N, input_nc, H, W) in [-1, 1], H and W multiples of 4.
            layers: numbers of the layers whose outputs to return, ascending; -1 is the last layer.
            encode_only: stop after the last of them and return the features alone.
        Returns:
            Images (N, output_nc, H, W) in [-1, 1]; with layers (images, features); with encode_only features.
        """
        if not layers and not self.context:
            return self.model(images)
        taps = [tap % len(self.model) for tap in layers or []]
        x, features = images, []
        context = context_of(images) if self.context else None
        for number, layer in enumerate(self.model):
            if str(number) in self.context:
                x = x + self.context[str(number)](context)
            x = layer(x)
            if number in taps:
                # The in-place ReLU after a tap overwrites the tapped feature, as in CUT. CUT's encoding ends at the
                # last tap, before that ReLU.
                last = number == taps[-1] and not encode_only
                features.append(x.clone() if last and self._relu_follows(number) else x)
            if encode_only and number == taps[-1]:
                return features
        return (x, features) if layers else x

    def _relu_follows(self, number: int) -> bool:
        return number + 1 < len(self.model) and isinstance(self.model[number + 1], nn.ReLU)

    def tap_channels(self, taps: list[int]) -> list[int]:
        """Return the channel counts of the outputs of these layers."""
        channels, current = [], self.input_nc
        for layer in self.model:
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                current = layer.out_channels
            channels.append(current)
        return [channels[tap] for tap in taps]


class ResnetBlock(nn.Module):
    """x + two 3x3 convolutions of x (He et al. 2016), with reflected borders."""

    def __init__(self, channels: int, norm: NormLayer, use_dropout: bool):
        super().__init__()
        bias = needs_bias(norm)
        first = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm(channels), nn.ReLU(True)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm(channels)]
        self.conv_block = nn.Sequential(*first, *([nn.Dropout(0.5)] if use_dropout else []), *second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + self.conv_block(x)
