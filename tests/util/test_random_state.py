"""The state of the random number generators."""

import random

import numpy as np
import torch

from util import checkpoint
from util.random_state import random_state, seed_everything, set_random_state


def test_random_state_returns_through_a_file(tmp_path):
    def draw() -> list[float]:
        return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(()).item()]

    draw()
    checkpoint.save_atomically(random_state(), tmp_path / "state.pth")
    expected = draw()
    seed_everything(0)
    set_random_state(checkpoint.load(tmp_path / "state.pth"))
    assert draw() == expected
