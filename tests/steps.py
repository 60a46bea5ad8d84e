"""Some steps of a model in float64: `python -m tests.steps FILE FLAGS OF train.py`, alone or under torchrun.

The first process writes what came out to FILE: weights, losses, and which pictures each process took.
"""

import sys

import torch

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from util import distributed
from util.checkpoint import seed_everything
from util.errors import run


def main() -> None:
    """Take the steps for each line of flags."""
    torch.set_default_dtype(torch.float64)
    answers = [steps(flags) for flags in sys.argv[2:]]
    if distributed.is_first():
        torch.save(answers, sys.argv[1])


def steps(flags: str) -> dict:
    """Train two epochs with SGD, whose steps are as exact as its gradients."""
    opt = TrainOptions(flags).parse()
    seed_everything(opt.seed)
    dataset, model = create_dataset(opt), create_model(opt)
    for number, optimizer in enumerate(model.optimizers):
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        plain = torch.optim.SGD(parameters, lr=0.02)
        model.optimizers[number] = plain
        setattr(model, next(name for name, value in vars(model).items() if value is optimizer), plain)
    taken, losses = [], []
    for epoch in (1, 2):
        dataset.set_epoch(epoch)
        for batch in dataset:
            taken += [(epoch, *paths) for paths in zip(batch["A_paths"], batch["B_paths"], strict=True)]
            model.set_input({key: value.double() if torch.is_tensor(value) else value for key, value in batch.items()})
            model.optimize_parameters()
            losses.append(model.get_current_losses())
    model.check_weights()
    nets = model.networks().items()
    weights = {f"{name}.{key}": value for name, net in nets for key, value in net.named_parameters()}
    extra = {key: value for key, value in model.extra_state().items() if torch.is_tensor(value)}
    return {"taken": distributed.gathered(taken), "losses": losses, "weights": {**weights, **extra}}


if __name__ == "__main__":
    run(distributed.together(main))
