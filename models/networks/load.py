"""Loads a checkpoint into a network; on a mismatch, says which flags would fit."""

import torch

from models.networks.build import GENERATORS
from models.networks.infer_flags import State, clean_state, infer_flags
from util.errors import UserError


def load_network(net: torch.nn.Module, state: object, source: str, name: str, flags: dict[str, object]) -> None:
    """Load a state dict into the network `name`; see `fitting_state`."""
    net.load_state_dict(fitting_state(net, state, source, name, flags))


def fitting_state(net: torch.nn.Module, state: object, source: str, name: str, flags: dict[str, object]) -> State:
    """Return the state dict that loads into the network `name`.

    A `module.` prefix (DataParallel) and the buffers of InstanceNorm from before torch 0.4 are removed.

    Raises:
        UserError: if it does not fit; it names the first layers that differ, and those of `flags` to change. Also if
            weights are not finite, or not real numbers.
    """
    own = net.state_dict()
    state = clean_state(_checked(state, source), own)
    differ = [f"{key} is missing" for key in own if key not in state]
    differ += [f"{key} is unknown" for key in state if key not in own]
    shapes = [(key, tuple(state[key].shape), tuple(own[key].shape)) for key in own if key in state]
    differ += [f"{key} is {found}, expected {expected}" for key, found, expected in shapes if found != expected]
    if differ:
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        advice = _suggest_flags(infer_flags(name, state), name, flags)
        raise UserError(f"{source} does not fit net{name}: {'; '.join(differ[:3])}{more}. {advice}")
    for key, value in state.items():
        if own[key].is_floating_point() != value.is_floating_point() or value.is_complex() or not is_plain(value):
            kind = str(value.dtype).removeprefix("torch.") if is_plain(value) else "a kind that is not plain numbers"
            raise UserError(f"{source} is not usable: {key} of net{name} has values of type {kind}")
        if not bool(value.isfinite().all()):
            raise UserError(f"{source} is not usable: {key} of net{name} has values that are not finite numbers")
    return state


def is_plain(value: torch.Tensor) -> bool:
    """Return True for a dense tensor that has its values."""
    return value.layout == torch.strided and not value.is_quantized and value.device.type != "meta"


def _checked(content: object, source: str) -> State:
    """Return the content of a file if it is a state dict.

    Raises:
        UserError: if it is anything else.
    """
    entries = content.items() if isinstance(content, dict) else [(None, None)]
    if all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in entries):
        return content
    nested = isinstance(content, dict) and "state_dict" in content
    advice = "; it has one inside, under state_dict: save that alone" if nested else ""
    raise UserError(f"{source} is not a state dict, which has a tensor for each layer's name{advice}")


def _suggest_flags(fitting: dict[str, object], name: str, flags: dict[str, object]) -> str:
    """Return which of `flags` to change so that a checkpoint of the network `name`, saved with `fitting`, fits."""
    changes = {flag: value for flag, value in fitting.items() if value != flags.get(flag, value)}
    for flag, built in {"input_nc": [3], "output_nc": [3], "netG": GENERATORS}.items():
        if flag in changes and changes[flag] not in built:
            return f"It was saved with --{flag} {changes[flag]}, which is not built here"
    if not changes:
        other = "has other --nce_layers" if name == "F" else "is another network"
        return f"No flag would make it fit; perhaps it {other}"
    switches = ("no_antialias", "no_antialias_up", "context")
    words = [f"--{flag} {value}" for flag, value in changes.items() if flag not in switches]
    words += [f"--{flag}" if changes[flag] else f"without --{flag}" for flag in switches if flag in changes]
    return f"It fits with these flags: {', '.join(words)}"
