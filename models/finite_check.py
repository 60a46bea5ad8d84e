"""Losses that are no longer finite numbers."""

import torch

from util.errors import UserError


class FiniteCheck:
    """Watches losses on the device, and reads the result only when asked: no synchronization in a training step."""

    def __init__(self) -> None:
        # Per loss: image count at which it first became non-finite; -1 = never.
        self.first_bad: torch.Tensor | None = None

    def add(self, losses: torch.Tensor, image_count: int) -> None:
        """Take the losses (L,) of a step, after so many images of the run."""
        if self.first_bad is None:
            self.first_bad = torch.full(losses.shape, -1, device=losses.device)
        self.first_bad = torch.where((self.first_bad < 0) & ~losses.isfinite(), image_count, self.first_bad)

    def check(self, names: list[str]) -> None:
        """Raise a UserError that names the first loss that became non-finite, and when. Waits for the device."""
        if self.first_bad is None:
            return
        bad = [(first, number) for number, first in enumerate(self.first_bad.tolist()) if first >= 0]
        if bad:
            first, number = min(bad)
            raise UserError(f"loss {names[number]} became non-finite at image {first}; nothing was saved since. "
                            "Try a smaller --lr or a smaller weight of that term")  # fmt: skip
