"""What --accumulate, --amp and several processes add to a training step."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch

from models.acceleration import autocast
from models.optimizers import parameters_of
from util import distributed
from util.errors import UsageError
from util.random_state import set_torch_random_state, torch_random_state

if TYPE_CHECKING:
    from models.base_model import BaseModel


class TrainingStep:
    """One training step of a model. Create one at the start of `optimize_parameters`."""

    def __init__(self, model: "BaseModel"):
        self.model = model
        self.accumulate = model.opt.accumulate
        self.batch = model.real_A, model.real_B
        self.random_state = torch_random_state(model.device) if self.accumulate > 1 else None
        model.uses_training_step = True

    def micro_batches(self) -> Iterator[None]:
        """Loop over the micro-batches of --accumulate: `real_A` and `real_B` of the model become each in turn.

        The gradients of all micro-batches add up to that of the whole batch. Afterwards the model's losses are their
        means. Each micro-batch draws the same random numbers, because the images of one batch share their patch ids.
        Only the graph of one micro-batch is in memory.
        """
        if self.accumulate == 1:
            yield
            return
        model, means = self.model, {}
        for model.real_A, model.real_B in zip(*(images.chunk(self.accumulate) for images in self.batch), strict=True):
            set_torch_random_state(self.random_state, model.device)
            yield
            self._free_graph()
            for name, loss in model.losses().items():
                means[name] = means.get(name, 0) + torch.as_tensor(loss) / self.accumulate
        for name, mean in means.items():
            setattr(model, f"loss_{name}", mean)

    def _free_graph(self) -> None:
        for name, value in list(vars(self.model).items()):
            if isinstance(value, torch.Tensor) and value.requires_grad:
                setattr(self.model, name, value.detach())

    def autocast(self) -> AbstractContextManager:
        """Return the context in which --amp computes in 16 bits. Enter it for forward and losses, not for backward."""
        return autocast(self.model.opt.acceleration.amp, self.model.device)

    def scale(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss () to call backward on: the share of this micro-batch, scaled for --amp fp16.

        Raises:
            UsageError: if no weight is left to learn from.
        """
        if not loss.requires_grad:
            raise UsageError("every weight of the loss is 0: there is nothing to learn")
        return self.model.scaler.scale(loss / self.accumulate)

    def average_gradients(self, *optimizers: torch.optim.Optimizer) -> None:
        """Average the gradients of what these optimizers train over all processes."""
        for optimizer in optimizers:
            distributed.average_gradients(parameters_of(optimizer))

    def update(self, *optimizers: torch.optim.Optimizer) -> None:
        """Step the optimizers. With --amp fp16 a step whose gradients overflowed is skipped."""
        for optimizer in optimizers:
            self.model.scaler.step(optimizer)
        self.model.scaler.update()
