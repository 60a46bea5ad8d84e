"""Runs a ResNet generator on an image whose activations do not fit into memory: in strips of rows, with no seams.

A strip brings the rows around it that its convolutions need. Only norms need the whole image. Their statistics are
summed over all strips before anything that follows them is computed, so the layers before the first residual block run
once more for each of their norms, and so do the layers after the last block. Between them, at a quarter of the width
and height, activations are kept whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from models.color_losses import to_grayscale
from models.networks.context import ImageSummary, context_of_part
from models.networks.layers import InstanceNorm2d, LayerNorm2d
from models.networks.padding import pad
from models.networks.resnet import ResnetBlock, ResnetGenerator

_WHOLE = 64 * 1024**2  # pixels times filters above which activations are computed in strips: about 2 GB whole
_COPIES = 60  # bytes for each pixel: the image, padded, painted, with its luma
_MARGIN = 16  # rows on each side of a strip: convolutions before the blocks reach 9 rows far, those after them 12

Norm = InstanceNorm2d | LayerNorm2d


def needs_strips(net: nn.Module, images: torch.Tensor) -> bool:
    """Return True if the activations of a generator for one of these images (N, C, H, W) would take over 2 GB."""
    return isinstance(net, ResnetGenerator) and images[0, 0].numel() * net.model[1].out_channels > _WHOLE


def bytes_in_strips(net: ResnetGenerator, images: torch.Tensor) -> int:
    """Return about how many bytes `apply_in_strips` takes for one of these images, with copies of the image itself."""
    return images[0, 0].numel() * (4 * net.model[1].out_channels + _COPIES)


@torch.no_grad()
def apply_in_strips(net: ResnetGenerator, images: torch.Tensor, rows: int = 128) -> torch.Tensor:
    """Return what the generator makes of an image, as `apply_padded` does: (1, 3, H, W) in [-1, 1].

    Memory is that of all activations of a strip, and of a residual block of the whole image: about 4 ngf bytes for each
    pixel.

    Args:
        images: (1, 3, H, W), or the luma of a gray image (1, 1, H, W), in [-1, 1], on the device of the generator.
        rows: of a strip, a multiple of 4.
    """
    height, width = images.shape[2:]
    images = pad(images, net.size_multiple)
    luma = to_grayscale(images)[:, :1] if net.context and images.shape[1] == 3 else images[:, :1]
    layers = list(net.model)
    blocks = [number for number, layer in enumerate(layers) if isinstance(layer, ResnetBlock)]
    first, last = blocks[0], blocks[-1]
    summary = ImageSummary(luma) if net.context else None
    strips = [_Strip(net, luma, summary, top, rows) for top in range(0, images.shape[2], rows)]
    with _summed_statistics() as measure:
        for number in range(first):
            if isinstance(layers[number], Norm):
                measure(layers[number], (strip.run(images.expand(-1, 3, -1, -1), 0, number) for strip in strips))
        body = torch.cat([strip.run(images.expand(-1, 3, -1, -1), 0, first) for strip in strips], 2)
        for block in layers[first : last + 1]:
            body = block(body)
        for number in range(last + 1, len(layers)):
            if isinstance(layers[number], Norm):
                measure(layers[number], (strip.run(body, last + 1, number) for strip in strips))
        painted = [strip.run(body, last + 1, len(layers)) for strip in strips]
    return torch.cat(painted, 2)[..., :height, :width]


class _Strip:
    """Rows `top` to `top + rows` of an image, and the margin around them."""

    def __init__(self, net: ResnetGenerator, luma: torch.Tensor, summary: ImageSummary | None, top: int, rows: int):
        self.net, self.summary, self.height = net, summary, luma.shape[2]
        self.top, self.bottom = top, min(top + rows, self.height)
        self.outer = max(0, top - _MARGIN), min(self.bottom + _MARGIN, self.height)
        self.luma = luma

    def run(self, images: torch.Tensor, begin: int, end: int) -> torch.Tensor:
        """Run the layers from `begin` to before `end` on this strip of images, and return it without the margin.

        Args:
            images: (1, C, h, w) of the whole image, whose h is its height or a fraction of it.
        """
        x, context = self._rows_of(images, *self.outer), None
        if self.summary:
            context = context_of_part(self._rows_of(self.luma, *self.outer), self.summary, self.outer[0], 0)
        for number in range(begin, end + 1):
            if str(number) in self.net.context and (number < end or isinstance(self.net.model[number], ResnetBlock)):
                x = x + self.net.context[str(number)](context)
            if number < end:
                x = self.net.model[number](x)
        share = x.shape[2] / (self.outer[1] - self.outer[0])
        return x[:, :, round((self.top - self.outer[0]) * share) : round((self.bottom - self.outer[0]) * share)]

    def _rows_of(self, images: torch.Tensor, top: int, bottom: int) -> torch.Tensor:
        share = images.shape[2] / self.height
        return images[:, :, round(top * share) : round(bottom * share)]


@contextmanager
def _summed_statistics():
    """Yield a function that gives a norm the statistics of all its inputs, for as long as the block lasts."""
    measured: list[nn.Module] = []

    def measure(norm: Norm, inputs: Iterator[torch.Tensor]) -> None:
        over = (0, 1, 2, 3) if isinstance(norm, LayerNorm2d) else (0, 2, 3)
        count, total, squares = 0, 0.0, 0.0
        for x in inputs:
            x = x.double()
            count += x.numel() // (x.shape[1] if len(over) == 3 else 1)
            total, squares = total + x.sum(over, keepdim=True), squares + x.square().sum(over, keepdim=True)
        mean = total / count
        norm.forward = partial(_normalize, norm, mean.float(), (squares / count - mean**2 + 1e-5).rsqrt().float())
        measured.append(norm)

    try:
        yield measure
    finally:
        for norm in measured:
            del norm.forward


def _normalize(norm: Norm, mean: torch.Tensor, scale: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    x = (x - mean) * scale
    return x * norm.weight.view(-1, 1, 1) + norm.bias.view(-1, 1, 1) if isinstance(norm, LayerNorm2d) else x
