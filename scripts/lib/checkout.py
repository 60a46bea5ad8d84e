"""Models of a checkout, ours or CUT's, whichever PYTHONPATH leads to. Only names that both have are used here."""

import contextlib
import io
import sys
from argparse import Namespace
from typing import Any

import numpy as np
import torch

from models import create_model
from options.train_options import TrainOptions


def build(flags: list[str]) -> tuple[Any, Namespace]:
    """Return the model that flags of train.py name, ready to train, and its options."""
    sys.argv = ["train.py", *flags]  # CUT reads its presets from here
    if not torch.cuda.is_available():
        torch.Tensor.cuda = lambda tensor, *_, **__: tensor  # CUT's StyleGAN2 moves a constant to a GPU in each pass
    with contextlib.redirect_stdout(io.StringIO()):
        options = TrainOptions()
        opt = options.parse()
        model = create_model(opt)
        if hasattr(model, "data_dependent_initialize"):
            model.data_dependent_initialize(random_batch(opt.batch_size, opt.crop_size))
        model.setup(opt)
    for message in getattr(options, "disabled", []):
        print(message, file=sys.stderr)
    return model, opt


def random_batch(count: int, size: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> dict:
    """Return a batch of random images (count, 3, size, size) in [-1, 1], as a loader would."""
    A, B = torch.from_numpy(np.random.RandomState(seed).rand(2, count, 3, size, size) * 2 - 1).to(dtype)
    return {"A": A, "B": B, "A_paths": ["a"] * count, "B_paths": ["b"] * count}
