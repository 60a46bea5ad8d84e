"""Two batches through one network."""

import torch
from torch import nn


def run_on_both(
    net: nn.Module, first: torch.Tensor, second: torch.Tensor, share_pass: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outputs of a network for two batches of N images each.

    Args: share_pass: run both in one pass. Right where the images of a batch do not influence each other.
    """
    if share_pass:
        return net(torch.cat([first, second])).split(len(first))
    return net(first), net(second)
