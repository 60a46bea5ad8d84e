"""Adam, learning-rate schedules, and their state in a form that every device can load."""

import math
from argparse import Namespace
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler
from torch.utils._pytree import tree_map

LR_POLICIES = ["linear", "step", "plateau", "cosine"]


def make_adam(parameters: Iterable[nn.Parameter], opt: Namespace, device: torch.device) -> Optimizer:
    """Return Adam (Kingma and Ba 2015) with lr, beta1 and beta2 of the options."""
    rates = {"lr": opt.lr, "betas": (opt.beta1, opt.beta2)}
    if device.type == "cuda":  # one kernel that a CUDA graph can hold: it reads the learning rate from the device
        rates |= {"lr": torch.tensor(opt.lr, device=device), "fused": True, "capturable": True}
    return torch.optim.Adam(parameters, **rates)


def parameters_of(optimizer: Optimizer) -> list[nn.Parameter]:
    """Return all parameters that an optimizer trains."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def learning_rate(optimizer: Optimizer) -> float:
    """Return the current learning rate."""
    return float(optimizer.param_groups[0]["lr"])


def make_scheduler(optimizer: Optimizer, opt: Namespace) -> lr_scheduler.LRScheduler:
    """Return the schedule that `opt.lr_policy` names. It is stepped once an epoch.

    linear: constant for n_epochs, then down to 0 over n_epochs_decay. cosine: half a cosine from lr to 0 over
    n_epochs + n_epochs_decay. step: a tenth every lr_decay_iters epochs. plateau: a fifth when the mean total
    loss has not fallen by 1% for 5 epochs.
    """
    total = opt.n_epochs + opt.n_epochs_decay

    def linear(step: int) -> float:
        return max(0.0, 1 - max(0, step + opt.epoch_count - opt.n_epochs) / (opt.n_epochs_decay + 1))

    def cosine(step: int) -> float:
        return (1 + math.cos(math.pi * min(1, (step + opt.epoch_count - 1) / total))) / 2

    if opt.lr_policy == "step":
        return lr_scheduler.StepLR(optimizer, step_size=opt.lr_decay_iters, gamma=0.1)
    if opt.lr_policy == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, threshold=0.01, patience=5)
    return lr_scheduler.LambdaLR(optimizer, {"linear": linear, "cosine": cosine}[opt.lr_policy])


def optimizer_state(optimizer: Optimizer) -> dict:
    """Return the state of an optimizer, with learning rates as plain numbers."""
    state = optimizer.state_dict()
    groups = [dict(group) for group in state["param_groups"]]
    for group in groups:
        group.update({name: float(group[name]) for name in ("lr", "initial_lr") if name in group})
    return {**state, "param_groups": groups}


def scheduler_state(scheduler: lr_scheduler.LRScheduler) -> dict:
    """Return the state of a schedule, with learning rates as plain numbers, which are tensors on CUDA."""
    return tree_map(lambda value: value.item() if isinstance(value, torch.Tensor) else value, scheduler.state_dict())


def load_optimizer_state(optimizer: Optimizer, state: dict) -> None:
    """Load moments and rates from `optimizer_state`. How a step is computed stays as this device needs it."""
    names = ("lr", "fused", "capturable", "foreach")
    own = [{name: group[name] for name in names if name in group} for group in optimizer.param_groups]
    groups = [{**saved, **mine} for saved, mine in zip(state["param_groups"], own, strict=True)]
    optimizer.load_state_dict({**state, "param_groups": groups})
    for group, saved in zip(optimizer.param_groups, state["param_groups"], strict=True):
        _set_learning_rate(group, saved["lr"])


def apply_rates(optimizers: list[Optimizer], schedulers: list, opt: Namespace, saved_lr: float) -> None:
    """Apply lr, betas and the number of epochs of the options to optimizers and schedules that were just loaded.

    Args: saved_lr: --lr of the run until now.
    """
    ratio = opt.lr / saved_lr
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["betas"] = (opt.beta1, opt.beta2)
        group["lr"] *= ratio
        if "initial_lr" in group:
            group["initial_lr"] *= ratio
    for scheduler in schedulers:
        if hasattr(scheduler, "base_lrs"):
            scheduler.base_lrs = [float(rate) * ratio for rate in scheduler.base_lrs]
        if hasattr(scheduler, "lr_lambdas"):  # the number of epochs may have changed, and so the factor of this epoch
            groups = scheduler.optimizer.param_groups
            for group, rate, factor in zip(groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True):
                _set_learning_rate(group, rate * factor(scheduler.last_epoch))


def _set_learning_rate(group: dict, rate: float) -> None:
    """Set the learning rate of a parameter group, in place where it is a tensor on the device."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = float(rate)
