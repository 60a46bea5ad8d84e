"""Images of any size through networks that take only multiples of some size."""

import torch
from torch import nn


def apply_padded(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Pad images (N, C, H, W) by reflection to multiples of `net.size_multiple`, run the network, crop the result.

    Sizes that are multiples already are not padded. The smallest padded size is 16.
    """
    height, width = images.shape[-2:]
    padded = pad(images, net.size_multiple)
    return net(padded) if padded is images else net(padded)[..., :height, :width]


def pad(images: torch.Tensor, multiple: int) -> torch.Tensor:
    """Pad images (N, C, H, W) by reflection; those that have the size already are returned themselves."""
    sides = images.shape[-2:]
    padded = [padded_size(side, multiple) for side in sides]
    if padded == list(sides):
        return images
    rows, columns = (reflected(side, size, images.device) for side, size in zip(sides, padded, strict=True))
    return images[..., rows, :][..., columns]


def padded_size(side: int, multiple: int) -> int:
    """Return the smallest multiple that is no less than a side, and at least 16."""
    return torch.sym_max(16, (side + multiple - 1) // multiple * multiple)


def reflected(side: int, padded: int, device: torch.device) -> torch.Tensor:
    """Return the indices of a side padded by reflection, repeatedly if it is short."""
    period = torch.full((), torch.sym_max(1, 2 * (side - 1)), device=device)  # a number cannot be exported to ONNX
    index = torch.arange(padded, device=device) % period
    return torch.minimum(index, period - index)
