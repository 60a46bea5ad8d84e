"""Batches to losses and images. `--model NAME` is the class NAMEModel in models/NAME_model.py."""

from argparse import Namespace

import torch

from models.base_model import BaseModel
from util.registry import Registry
from util.util import copyconf

MODELS = Registry(package="models", kind="model", flag="--model")


def create_model(opt: Namespace) -> BaseModel:
    """Build the model that the options name."""
    return MODELS.find(opt.model)(opt)


def create_test_copy(model: BaseModel) -> BaseModel:
    """Build what test.py would build from the current weights of a model in training. Draws no random number."""
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        copy = create_model(copyconf(model.opt, isTrain=False))
    for name, net in copy.networks().items():
        net.load_state_dict(model.networks_to_test()[name].state_dict())
    copy.eval()
    return copy
