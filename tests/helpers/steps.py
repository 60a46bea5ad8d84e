"""Steps of models in float64: `python -m tests.helpers.steps FILE FLAGS...`, alone or under torchrun.

Each FLAGS is one word, the flags of train.py for one model. The first process writes to FILE, for each model, its
weights, its losses, and which images each process took.
"""

import sys

import torch

from models.finite_check import check_weights
from tests.helpers.build import build, doubled, weights_of
from util import distributed
from util.errors import run


def main() -> None:
    """Take the steps of each model."""
    torch.set_default_dtype(torch.float64)
    results = [take_steps(*flags.split(maxsplit=1)) for flags in sys.argv[2:]]
    if distributed.is_first():
        torch.save(results, sys.argv[1])


def take_steps(dataroot: str, flags: str) -> dict:
    """Train two epochs with SGD, whose steps are as exact as its gradients; Adam's are not."""
    model, loader = build(dataroot, flags)
    for number, adam in enumerate(model.optimizers):
        sgd = torch.optim.SGD([p for group in adam.param_groups for p in group["params"]], lr=0.02)
        (name,) = [name for name, value in vars(model).items() if value is adam]
        model.optimizers[number] = sgd
        setattr(model, name, sgd)
    taken, losses = [], []
    for epoch in (1, 2):
        loader.set_epoch(epoch)
        for batch in loader:
            taken += [(epoch, *paths) for paths in zip(batch["A_paths"], batch["B_paths"], strict=True)]
            model.set_input(doubled(batch))
            model.optimize_parameters()
            losses.append(model.get_current_losses())
    check_weights(model.networks())  # the same in all processes
    extra = {key: value for key, value in model.extra_state().items() if torch.is_tensor(value)}
    weights = {**weights_of(model), **extra}
    return {"taken": distributed.gather_to_first(taken), "losses": losses, "weights": weights}


if __name__ == "__main__":
    run(distributed.with_process_group(main))
