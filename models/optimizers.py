"""Adam on any device, and its state in a form that every device takes."""

from argparse import Namespace
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer


def make_adam(parameters: Iterable[nn.Parameter], opt: Namespace, device: torch.device) -> Optimizer:
    """Return Adam (Kingma and Ba 2015) with the rates of the options."""
    rates = {"lr": opt.lr, "betas": (opt.beta1, opt.beta2)}
    if device.type == "cuda":  # one kernel, which a CUDA graph can hold: it reads the rate where it lies on the device
        rates |= {"lr": torch.tensor(opt.lr, device=device), "fused": True, "capturable": True}
    return torch.optim.Adam(parameters, **rates)


def parameters_of(optimizer: Optimizer) -> list[nn.Parameter]:
    """Return what an optimizer trains."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def set_rate(group: dict, rate: float) -> None:
    """Set the learning rate of a group, in place where it lies on the device."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = float(rate)


def state_of(optimizer: Optimizer) -> dict:
    """Return an optimizer's state, its rates as numbers."""
    state = optimizer.state_dict()
    groups = [{**group, **{name: float(group[name]) for name in ("lr", "initial_lr") if name in group}}
              for group in state["param_groups"]]  # fmt: skip
    return {**state, "param_groups": groups}


def load_state(optimizer: Optimizer, state: dict) -> None:
    """Load moments and rates that `state_of` returned; how a step is computed stays that of this device."""
    kinds = ("lr", "fused", "capturable", "foreach")
    own = [{name: group[name] for name in kinds if name in group} for group in optimizer.param_groups]
    groups = [{**group, **mine} for group, mine in zip(state["param_groups"], own, strict=True)]
    optimizer.load_state_dict({**state, "param_groups": groups})
    for group, saved in zip(optimizer.param_groups, state["param_groups"], strict=True):
        set_rate(group, saved["lr"])
