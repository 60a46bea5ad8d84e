"""Steps of models in float64: `python -m tests.helpers.steps FILE FLAGS...`, alone or under torchrun.

Each FLAGS is one word, the flags of train.py for one model. The first process writes to FILE, for each model, its
weights, its losses, and which images each process took.
"""

import sys

import pytest
import torch

from tests.helpers.build import build, doubled, make_double, use_sgd, weights_of
from util import distributed
from util.errors import run


def main() -> None:
    """Take the steps of each model."""
    results = [take_exact_steps(*flags.split(maxsplit=1)) for flags in sys.argv[2:]]
    if distributed.is_first():
        torch.save(results, sys.argv[1])


def take_exact_steps(dataroot: str, flags: str) -> dict:
    """Train two epochs in float64 with SGD."""
    model, loader = build(dataroot, flags)
    make_double(model)
    use_sgd(model)
    taken, losses = [], []
    for epoch in (1, 2):
        loader.set_epoch(epoch)
        for batch in loader:
            taken += [(epoch, *paths) for paths in zip(batch["A_paths"], batch["B_paths"], strict=True)]
            model.set_input(doubled(batch))
            model.optimize_parameters()
            losses.append(model.get_current_losses())
    model.check_weights()  # the same in all processes
    extra = {key: value for key, value in model.extra_state().items() if torch.is_tensor(value)}
    weights = {**weights_of(model), **extra}
    return {"taken": distributed.gather_to_first(taken), "losses": losses, "weights": weights}


def assert_same_steps(ours: dict, expected: dict) -> None:
    """The same losses and weights, to float64's rounding; each image was taken once an epoch."""
    taken = [image for process in ours["taken"] for image in process]
    assert sorted(taken) == sorted(expected["taken"][0]) and len({image[:2] for image in taken}) == 8
    assert len(ours["losses"]) == 2
    for losses, theirs in zip(ours["losses"], expected["losses"], strict=True):
        assert losses == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    for key, value in expected["weights"].items():
        assert torch.allclose(ours["weights"][key], value, rtol=1e-9, atol=1e-12), key


if __name__ == "__main__":
    run(distributed.with_process_group(main))
