"""Images of any size through networks that take only multiples of some size."""

import torch
from torch import nn


def apply_padded(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Pad images (N, C, H, W) by reflection to multiples of `net.size_multiple`, run the network, crop the result.

    Sizes that are multiples already are not padded. The smallest padded size is 16.
    """
    height, width = images.shape[-2:]
    rows, columns = (reflected(side, net.size_multiple, images.device) for side in (height, width))
    if len(rows) == height and len(columns) == width:
        return net(images)
    return net(images[..., rows, :][..., columns])[..., :height, :width]


def reflected(side: int, multiple: int, device: torch.device) -> torch.Tensor:
    """Return the indices of a side padded by reflection, repeatedly if it is short."""
    padded = max(16, -(-side // multiple) * multiple)
    period = max(1, 2 * (side - 1))
    index = torch.arange(padded, device=device) % period
    return torch.minimum(index, period - index) if side > 1 else torch.zeros_like(index)
