"""Batches to losses and pictures. `--model NAME` is the class NAMEModel in models/NAME_model.py."""

import importlib
from argparse import Namespace
from pathlib import Path

from models.base_model import BaseModel
from util.errors import UserError


def names() -> list[str]:
    """Return the values that `--model` takes."""
    return sorted(p.stem.removesuffix("_model") for p in Path(__file__).parent.glob("*_model.py")
                  if p.stem != "base_model")  # fmt: skip


def find_model(name: str) -> type[BaseModel]:
    """Return the class of a model.

    Raises:
        UserError: if there is no such model.
    """
    if name not in names():
        raise UserError(f"--model {name}: expected one of {', '.join(names())}")
    module = importlib.import_module(f"models.{name}_model")
    wanted = name.replace("_", "") + "model"
    return next(value for key, value in vars(module).items() if key.lower() == wanted)


def create_model(opt: Namespace) -> BaseModel:
    """Build the model that the options name."""
    return find_model(opt.model)(opt)
