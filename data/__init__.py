"""Folders of pictures to batches. `--dataset_mode NAME` is the class NAMEDataset in data/NAME_dataset.py."""

import importlib
from argparse import Namespace
from pathlib import Path

from data.base_dataset import PREPROCESS_STEPS, BaseDataset, check_preprocess, without_random_steps
from data.loader import Loader
from util.errors import UserError

__all__ = [
    "PREPROCESS_STEPS",
    "BaseDataset",
    "Loader",
    "check_preprocess",
    "create_dataset",
    "find_dataset",
    "names",
    "without_random_steps",
]


def names() -> list[str]:
    """Return the values that `--dataset_mode` takes."""
    return sorted(p.stem.removesuffix("_dataset") for p in Path(__file__).parent.glob("*_dataset.py")
                  if p.stem != "base_dataset")  # fmt: skip


def find_dataset(name: str) -> type[BaseDataset]:
    """Return the class of a dataset mode.

    Raises:
        UserError: if there is no such mode.
    """
    if name not in names():
        raise UserError(f"--dataset_mode {name}: expected one of {', '.join(names())}")
    module = importlib.import_module(f"data.{name}_dataset")
    wanted = name.replace("_", "") + "dataset"
    return next(value for key, value in vars(module).items() if key.lower() == wanted)


def create_dataset(opt: Namespace) -> Loader:
    """Build the dataset that the options name, and the loader around it."""
    return Loader(find_dataset(opt.dataset_mode)(opt), opt)
