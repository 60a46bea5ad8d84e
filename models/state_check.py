"""Whether a saved training state can be restored: checked as a whole, before anything of it is used."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves

from models.finite_check import all_finite
from models.networks.load import fitting_state, is_plain
from models.optimizers import optimizer_state, parameters_of, scheduler_state
from util.errors import UserError
from util.random_state import random_state

if TYPE_CHECKING:
    from models.base_model import BaseModel


def check_state(state: object, source: str, model: "BaseModel") -> None:
    """Raise a UserError unless `model.load_state` can restore all of a state. Args: source: the name of its file."""
    flags = vars(model.opt)
    networks = state.get("networks") if isinstance(state, dict) else None
    if isinstance(networks, dict):  # first, because what else differs follows from other networks
        for name, net in model.networks().items():
            fitting_state(net, networks.get(name, {}), source, name, flags)
    if problem := state_mismatch(state, model):
        raise UserError(f"{source} is not usable: {problem}")
    for name in model.averages.keys() & state.get("averages", {}).keys():
        fitting_state(model.networks()[name], state["averages"][name]["weights"], source, name, flags)


def state_mismatch(state: object, model: "BaseModel") -> str | None:
    """Return why `model.load_state` cannot restore what `model.state` returned, or None. Networks are not looked at."""
    averages = {name: {"weights": {}, "steps": 0} for name in model.averages}
    saved, saved_random = (state.get(name) if isinstance(state, dict) else None for name in ("averages", "random"))
    random = random_state(model.device)
    if isinstance(saved_random, dict) and saved_random.get("cuda") is None:  # saved without a GPU
        random["cuda"] = None
    expected = {
        "networks": {},
        "averages": {name: like for name, like in averages.items() if isinstance(saved, dict) and name in saved},
        "optimizers": [None] * len(model.optimizers),
        "schedulers": [None] * len(model.schedulers),
        "scaler": {},
        "random": random,
        "lr": 0.1,
        "metric": 0.0,
        "epoch_loss": model.epoch_loss.to(model.device),
        "extra": [],
    }
    if problem := mismatch(state, expected, "model"):
        return problem
    if not state["lr"] > 0:
        return "model.lr is not more than 0"
    pairs = [(optimizer_mismatch, "optimizers"), (scheduler_mismatch, "schedulers")]
    problems = [
        check(saved, own, f"{name}[{number}]")
        for check, name in pairs
        for number, (saved, own) in enumerate(zip(state[name], getattr(model, name), strict=True))
    ]
    problems.append(extra_mismatch(state["extra"], model.extra_state(), "extra"))
    return next(filter(None, problems), None)


def mismatch(found: object, expected: object, name: str) -> str | None:
    """Return how a saved value differs from one of the same kind, or None if it can take its place.

    Tensors need the same shape and type, numbers the same type, and both finite values; dictionaries all keys of the
    expected one, and sequences the same length unless the expected one is empty. None fits everything.

    Args: name: of the value, for the message.
    """
    if expected is None or found is None:
        return None if expected is None else f"{name} is missing"
    if isinstance(expected, torch.Tensor):
        return _tensor_mismatch(found, expected, name)
    if isinstance(expected, Mapping):
        if not isinstance(found, dict):
            return f"{name} is not a dictionary"
        pairs = [(found.get(key), value, f"{name}.{key}") for key, value in expected.items()]
    elif isinstance(expected, (list, tuple)):
        if not isinstance(found, (list, tuple)) or len(found) != (len(expected) or len(found)):
            return f"{name} is not a list" + (f" of {len(expected)}" if expected else "")
        pairs = [(one, other, f"{name}[{number}]") for number, (one, other) in enumerate(zip(found, expected))]  # noqa: B905
    elif isinstance(expected, float):
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        return None if is_number and math.isfinite(found) else f"{name} is not a finite number"
    else:
        return None if type(found) is type(expected) else f"{name} is not of type {type(expected).__name__}"
    return next(filter(None, (mismatch(*pair) for pair in pairs)), None)


def _tensor_mismatch(found: object, expected: torch.Tensor, name: str) -> str | None:
    if not isinstance(found, torch.Tensor):
        return f"{name} is not a tensor"
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"{name} is {tuple(found.shape)} {found.dtype}, expected {tuple(expected.shape)} {expected.dtype}"
    return _non_finite(found, name)


def _non_finite(values: object, name: str) -> str | None:
    tensors = [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]
    if not all(map(is_plain, tensors)):
        return f"{name} has values that are not plain numbers"
    return None if all_finite(tensors) else f"{name} has values that are not finite numbers"


def optimizer_mismatch(found: object, optimizer: Optimizer, name: str) -> str | None:
    """Return why `load_optimizer_state` cannot restore a saved state of an optimizer, or None.

    How a step is computed, such as `fused`, may differ: each device has its own.
    """
    settings = [
        {key: value for key, value in group.items() if isinstance(value, (float, tuple))} for group in _plain(optimizer)
    ]
    groups = [{**one, "lr": 0.1, "params": [0] * len(group["params"])}
              for one, group in zip(settings, optimizer.param_groups, strict=True)]  # fmt: skip
    if problem := mismatch(found, {"param_groups": groups, "state": {}}, name):
        return problem
    parameters = parameters_of(optimizer)
    for index, moments in found["state"].items():
        where = f"{name}.state[{index}]"
        if index not in range(len(parameters)) or not isinstance(moments, dict):
            return f"{where} does not belong to a weight"
        if problem := _moments_mismatch(moments, parameters[index], where):
            return problem
        if isinstance(optimizer, torch.optim.Adam) and not moments.keys() >= {"step", "exp_avg", "exp_avg_sq"}:
            return f"{where} lacks a moment"
    return None


def _plain(optimizer: Optimizer) -> list[dict]:
    return optimizer_state(optimizer)["param_groups"]


def _moments_mismatch(moments: dict, parameter: torch.Tensor, name: str) -> str | None:
    for key, value in moments.items():
        number = torch.as_tensor(value, dtype=torch.float32) if type(value) in (int, float) else value
        if not isinstance(number, torch.Tensor) or number.shape not in ((), parameter.shape):
            return f"{name}.{key} has not the shape of its weight"
        if not number.is_floating_point():
            return f"{name}.{key} has values of type {number.dtype}"
    return _non_finite(moments, name)


def scheduler_mismatch(found: object, scheduler: object, name: str) -> str | None:
    """Return why a saved state of a schedule cannot be restored, or None. Private values differ between versions."""
    own = {key: value for key, value in scheduler_state(scheduler).items() if not key.startswith("_")}
    problem = mismatch(found, {**own, "best": None}, name)
    if not problem and "lr_lambdas" in own and found["lr_lambdas"] != own["lr_lambdas"]:  # functions are not saved
        problem = f"{name}.lr_lambdas has values"
    return f"{problem}; was it saved with another --lr_policy?" if problem else None


def extra_mismatch(found: list, own: Mapping[str, object], name: str) -> str | None:
    """Return why what a model saves beside its networks cannot be restored, or None. Older states may lack a part.

    Args: found: of each process.
    """
    if not found:
        return f"{name} is empty"
    for number, of_process in enumerate(found):
        where = f"{name}[{number}]"
        if not isinstance(of_process, dict):
            return f"{where} is not a dictionary"
        like = {key: value for key, value in own.items() if key in of_process}
        # The lists are pools of images, of any length.
        like.update({key: [] for key, value in like.items() if isinstance(value, list)})
        if problem := mismatch(of_process, like, where) or _non_finite(of_process, where):
            return problem
        if not all(torch.is_tensor(value) for key in like for value in _items(of_process[key])):
            return f"{where} has something that is not a tensor"
    return None


def _items(value: object) -> list:
    return value if isinstance(value, list) else []
