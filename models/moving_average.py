"""--ema: a moving average of the generator's weights."""

import copy

import torch
from torch import nn


class MovingAverage:
    """Follows the weights of a network: average = d average + (1 - d) weights, after each training step.

    d is the decay, but after n steps at most (1 + n) / (10 + n), so that the initial weights are soon forgotten.
    """

    def __init__(self, net: nn.Module, decay: float):
        self.net, self.decay, self.steps = net, decay, 0
        self.average = copy.deepcopy(net).requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        """Take the current weights in. Buffers, such as batch norm's statistics, are copied."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        pairs = list(zip(self.average.parameters(), self.net.parameters(), strict=True))
        torch._foreach_lerp_([own for own, _ in pairs], [new for _, new in pairs], 1 - decay)
        for own, new in zip(self.average.buffers(), self.net.buffers(), strict=True):
            own.copy_(new)

    def restart(self) -> None:
        """Begin anew with the current weights."""
        self.average.load_state_dict(self.net.state_dict())
        self.steps = 0

    def state(self) -> dict[str, object]:
        """Return what a restart must not lose."""
        return {"weights": self.average.state_dict(), "steps": self.steps}

    def load_state(self, state: dict) -> None:
        """Restore what `state` returned."""
        self.average.load_state_dict(state["weights"])
        self.steps = state["steps"]
