"""Where mixed precision must not reach: norms' statistics, losses and the contrastive loss stay in float32."""

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager:
    """Return a context in which autocast is off."""
    if device.type == "meta":  # shapes alone, which have no precision
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def at_least_float32(x: torch.Tensor) -> torch.Tensor:
    """Return 16-bit values as float32, all others as they are."""
    return x if x.dtype == torch.float64 else x.float()
