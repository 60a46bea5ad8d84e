"""Losses that are no longer finite numbers."""

import torch
from torch.utils._pytree import tree_leaves

from util import distributed
from util.errors import UserError


class NonFiniteError(UserError):
    """A loss, a weight or a moment is no longer a finite number."""


def all_finite(values: object) -> bool:
    """Return True if all tensors in nested dictionaries and lists have finite values only."""
    return all(bool(value.isfinite().all()) for value in tree_leaves(values) if isinstance(value, torch.Tensor))


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
        """Raise a NonFiniteError, in all processes, if a loss became non-finite in one. Waits for the device."""
        first_bad = [] if self.first_bad is None else self.first_bad.tolist()
        bad = [(first, number) for number, first in enumerate(first_bad) if first >= 0]
        if distributed.any_process(bool(bad)):
            first, number = min(bad, default=(None, 0))
            where = f"loss {names[number]} became" if bad else "a loss of another process became"
            at = f" at image {first}" if bad else ""
            raise NonFiniteError(f"{where} non-finite{at}")
