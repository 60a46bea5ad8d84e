"""Networks, optimizers and schedules to and from checkpoint files. All functions take values, not a model."""

from collections.abc import Iterable, Mapping

import torch
from torch import nn
from torch.optim import Optimizer

from models.finite_check import NonFiniteError, all_finite
from models.networks.load import load_network
from models.optimizers import load_optimizer_state, optimizer_state, scheduler_state
from util import checkpoint, distributed
from util.errors import UserError
from util.random_state import random_state, set_random_state
from util.run_folder import RunFolder

Networks = Mapping[str, nn.Module]


def save_networks(networks: Networks, folder: RunFolder, epoch: int | str) -> None:
    """Write `{epoch}_net_{NAME}.pth`: plain state dicts on the CPU, with CUT's keys."""
    for name, net in networks.items():
        state = {key: value.cpu() for key, value in net.state_dict().items()}
        checkpoint.save_atomically(state, folder.network(epoch, name))


def load_networks(networks: Networks, folder: RunFolder, epoch: int | str, device: torch.device, flags: dict) -> None:
    """Read `{epoch}_net_{NAME}.pth` from the folder of a run, ours or CUT's.

    Args: flags: those that the networks were built with. An error names the ones to change.
    """
    for name, net in networks.items():
        path = folder.network(epoch, name)
        load_network(net, checkpoint.load(path, device), str(path), name, flags)


def check_weights(networks: Networks, optimizers: Iterable[Optimizer]) -> None:
    """Check what must not reach a checkpoint.

    Raises:
        NonFiniteError: if a weight, a buffer or a moment of an optimizer is not finite.
        UserError: if a weight differs between processes.
    """
    for name, net in networks.items():
        if not all_finite(net.state_dict()):
            raise NonFiniteError(f"weights of net{name} are not finite")
        if not distributed.same_on_all_ranks([parameter.detach().sum() for parameter in net.parameters()]):
            raise UserError(f"weights of net{name} differ between processes; nothing was saved")
    if not all(all_finite(optimizer.state_dict()["state"]) for optimizer in optimizers):
        raise NonFiniteError("moments of Adam are not finite")


def training_state(
    optimizers: list[Optimizer], schedulers: list, scaler: torch.amp.GradScaler, device: torch.device
) -> dict[str, object]:
    """Return what training needs to continue beside the networks, random number generators included."""
    return {
        "optimizers": [optimizer_state(optimizer) for optimizer in optimizers],
        "schedulers": [scheduler_state(scheduler) for scheduler in schedulers],
        "scaler": scaler.state_dict(),
        "random": random_state(device),  # all processes draw the same numbers
    }


def load_training_state(
    state: dict, optimizers: list[Optimizer], schedulers: list, scaler: torch.amp.GradScaler, device: torch.device
) -> None:
    """Restore what `training_state` returned."""
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        load_optimizer_state(optimizer, saved)
    for scheduler, saved in zip(schedulers, state["schedulers"], strict=True):
        scheduler.load_state_dict(saved)
    if state["scaler"]:
        scaler.load_state_dict(state["scaler"])
    set_random_state(state["random"], device)
