"""Batches to losses and images. `--model NAME` is the class NAMEModel in models/NAME_model.py."""

from argparse import Namespace

from models.base_model import BaseModel
from util.registry import Registry

MODELS = Registry(package="models", kind="model", flag="--model")


def create_model(opt: Namespace) -> BaseModel:
    """Build the model that the options name."""
    return MODELS.find(opt.model)(opt)
