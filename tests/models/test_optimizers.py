"""Learning rates over the epochs, against hand-computed ones."""

import math
from argparse import Namespace

import pytest
import torch

from models.optimizers import make_scheduler


def rates(policy: str, n_epochs: int, n_epochs_decay: int, epoch_count: int = 1) -> list[float]:
    """The learning rate of each epoch, and after the last."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = {"lr_policy": policy, "n_epochs": n_epochs, "n_epochs_decay": n_epochs_decay, "lr_decay_iters": 2}
    scheduler = make_scheduler(optimizer, Namespace(**schedule, epoch_count=epoch_count))
    out = [optimizer.param_groups[0]["lr"]]
    for _ in range(n_epochs + n_epochs_decay - epoch_count + 1):
        optimizer.step()
        scheduler.step(*([1.0] if policy == "plateau" else []))
        out.append(optimizer.param_groups[0]["lr"])
    return out


def test_schedule_linear_is_constant_then_falls():
    assert rates("linear", 3, 3) == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25, 0])


def test_schedule_cosine_reaches_0_at_the_end_of_all_epochs():
    expected = [(1 + math.cos(math.pi * k / 5)) / 2 for k in range(6)]
    assert rates("cosine", 3, 2) == pytest.approx(expected) and expected[-1] == 0
    assert rates("cosine", 3, 2, epoch_count=3) == pytest.approx(expected[2:])


def test_schedule_step_and_plateau():
    assert rates("step", 3, 1) == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert rates("plateau", 8, 0) == pytest.approx([1] * 7 + [0.2, 0.2])
