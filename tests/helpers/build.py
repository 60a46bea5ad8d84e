"""Tiny models and their loaders, built from flags as train.py and test.py build them."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import torch

from data import Loader, create_dataset
from models import create_model
from models.base_model import BaseModel
from models.optimizers import parameters_of
from options.test_options import TestOptions
from options.train_options import TrainOptions
from tests.helpers.flags import TINY
from util.checkpoint import load
from util.random_state import seed_everything

Make = Callable[[Namespace], BaseModel]


def train_options(dataroot: Path, flags: str = "") -> Namespace:
    """Resolve the options of a training; the flags given here win over the tiny ones."""
    return TrainOptions(f"--dataroot {dataroot} {TINY} {flags}").parse()


def build(dataroot: Path, flags: str = "", make: Make = create_model) -> tuple[BaseModel, Loader]:
    """Return a model ready to train, which `make` builds from the options, and its loader."""
    opt = train_options(dataroot, flags)
    seed_everything(opt.seed)
    loader, model = create_dataset(opt), make(opt)
    model.setup(opt)
    return model, loader


def build_with_batch(dataroot: Path, flags: str = "", make: Make = create_model) -> BaseModel:
    """Return a model in float64 whose input is the first batch."""
    model, loader = build(dataroot, flags, make)
    make_double(model)
    model.set_input(doubled(next(iter(loader))))
    return model


def make_double(model: BaseModel) -> None:
    """Compute in float64 from now on."""
    for net in model.networks().values():
        net.double()
    if hasattr(model, "style_sums"):
        model.style_sums = model.style_sums.double()


def doubled(batch: dict) -> dict:
    """Return a batch with its images in float64."""
    return {key: value.double() if torch.is_tensor(value) else value for key, value in batch.items()}


def build_loader(dataroot: Path, flags: str = "") -> Loader:
    """Return a loader for training."""
    return create_dataset(TrainOptions(f"--dataroot {dataroot} --gpu_ids -1 --num_threads 0 --seed 5 {flags}").parse())


def build_test_loader(dataroot: Path, flags: str = "") -> Loader:
    """Return a loader for testing, of no run."""
    no_run = "--checkpoints_dir does_not_exist"
    return create_dataset(TestOptions(f"--dataroot {dataroot} --gpu_ids -1 {no_run} {flags}").parse())


def use_sgd(model: BaseModel) -> None:
    """Replace each optimizer by plain SGD, whose steps are as exact as its gradients; Adam's are not."""
    sgd = {id(adam): torch.optim.SGD(parameters_of(adam), lr=0.02) for adam in model.optimizers}
    for name, value in list(vars(model).items()):
        if isinstance(value, list):
            setattr(model, name, [sgd.get(id(one), one) for one in value])
        elif id(value) in sgd:
            setattr(model, name, sgd[id(value)])


def take_steps(model: BaseModel, loader: Loader, count: int = 1) -> list[dict[str, float]]:
    """Take training steps, epoch by epoch; return the losses of each."""
    losses = []
    while True:
        for batch in loader:
            model.set_input(batch)
            model.optimize_parameters()
            losses.append(model.get_current_losses())
            if len(losses) == count:
                return losses


def trained(dataroot: Path, flags: str = "", steps: int = 1) -> BaseModel:
    """Return a model after some steps."""
    model, loader = build(dataroot, flags)
    take_steps(model, loader, steps)
    return model


def weights_of(model: BaseModel) -> dict[str, torch.Tensor]:
    """Return a copy of every weight, under NETWORK.KEY."""
    nets = model.networks().items()
    return {f"{name}.{key}": value.detach().clone() for name, net in nets for key, value in net.named_parameters()}


def same_weights(one: BaseModel, other: BaseModel) -> bool:
    """True if two models have the same weights, bit for bit."""
    return same_tensors(weights_of(one), weights_of(other))


def same_checkpoints(one: Path, other: Path, label: str = "latest") -> bool:
    """True if two runs saved the same networks under a label, bit for bit."""
    names = [sorted(path.name for path in folder.glob(f"{label}_net_*.pth")) for folder in (one, other)]
    return (
        bool(names[0])
        and names[0] == names[1]
        and all(same_tensors(load(one / name), load(other / name)) for name in names[0])
    )


def same_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """True if two dictionaries hold the same tensors, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())
