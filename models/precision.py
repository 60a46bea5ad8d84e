"""What a training step computes in: `--amp`."""

from contextlib import AbstractContextManager

import torch


class Precision:
    """Convolutions and products in 16 bits where asked; what is sensitive stays in float32, see `at_least_float32`."""

    def __init__(self, amp: str, device: torch.device):
        """Args: amp: off, bf16 or fp16."""
        self.device = device
        self.dtype = {"off": None, "bf16": torch.bfloat16, "fp16": torch.float16}[amp]
        # Small gradients would vanish in fp16; bf16 has the range of float32.
        self.scaler = torch.amp.GradScaler(device.type, enabled=amp == "fp16")

    def autocast(self) -> AbstractContextManager:
        """Return the context of a pass."""
        # Without the cache of weights: the pass of the keys, which has no gradient, would leave them to the queries.
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None, cache_enabled=False)


def full_precision(device: torch.device) -> AbstractContextManager:
    """Return a context in which autocast is off."""
    return torch.autocast(device.type, enabled=False)


def at_least_float32(x: torch.Tensor) -> torch.Tensor:
    """Return 16-bit values as float32, all others as they are."""
    return x if x.dtype == torch.float64 else x.float()
