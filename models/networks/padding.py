"""Pictures of any size through networks that take only some."""

import torch
from torch import nn


def apply_padded(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Reflect pictures (N, C, H, W) up to sizes that are multiples of `net.size_multiple`, and crop the result back.

    Sizes that are such multiples pass untouched. The least padded size is 16.
    """
    height, width = images.shape[-2:]
    rows, columns = (_reflected(side, net.size_multiple, images.device) for side in (height, width))
    if len(rows) == height and len(columns) == width:
        return net(images)
    return net(images[..., rows, :][..., columns])[..., :height, :width]


def _reflected(side: int, multiple: int, device: torch.device) -> torch.Tensor:
    """Return the indices of a side continued by reflection, as often as it takes."""
    padded = max(16, -(-side // multiple) * multiple)
    period = max(1, 2 * (side - 1))
    index = torch.arange(padded, device=device) % period
    return torch.minimum(index, period - index) if side > 1 else torch.zeros_like(index)
