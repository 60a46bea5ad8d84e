"""What a checkpoint holds into a network, or a line that says why it does not fit and what would make it fit."""

import torch

from models.networks import infer_flags as recognize
from models.networks.build import GENERATORS
from models.networks.infer_flags import State
from util.errors import UserError


def load_network(net: torch.nn.Module, state: object, source: str, name: str, flags: dict[str, object]) -> None:
    """Load a state dict into the network `name`.

    A `module.` prefix (DataParallel) and the buffers of InstanceNorm from before torch 0.4 are removed.

    Raises:
        UserError: if it does not fit; it names the first layers that differ, and those of `flags` to change.
    """
    own = net.state_dict()
    state = recognize.cleaned(_checked(state, source), own)
    differ = [f"{key} is missing" for key in own if key not in state]
    differ += [f"{key} is unknown" for key in state if key not in own]
    differ += [f"{key} is {tuple(state[key].shape)}, expected {tuple(own[key].shape)}"
               for key in own if key in state and state[key].shape != own[key].shape]  # fmt: skip
    if differ:
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        raise UserError(f"{source} does not fit net{name}: {'; '.join(differ[:3])}{more}. "
                        f"{_cure(recognize.flags_of(name, state), name, flags)}")  # fmt: skip
    net.load_state_dict(state)


def _checked(content: object, source: str) -> State:
    """Return the content of a file if it is a state dict.

    Raises:
        UserError: if it is anything else.
    """
    if isinstance(content, dict) and all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in content.items()
    ):
        return content
    nested = isinstance(content, dict) and "state_dict" in content
    inside = "; one is inside, under state_dict: save that alone" * nested
    raise UserError(f"{source} holds no state dict, which has a tensor for each layer's name{inside}")


def _cure(fitting: dict[str, object], name: str, flags: dict[str, object]) -> str:
    """Say which flags would make a checkpoint of the network `name` fit, given those that it was saved with."""
    changes = {flag: value for flag, value in fitting.items() if value != flags.get(flag, value)}
    for flag, built in {"input_nc": [3], "output_nc": [3], "netG": GENERATORS}.items():
        if flag in changes and changes[flag] not in built:
            return f"It was saved with --{flag} {changes[flag]}, which is not built here"
    if not changes:
        other = "has other --nce_layers" if name == "F" else "is another network"
        return f"No flag is seen to cure that; perhaps it {other}"
    switches = ("no_antialias", "no_antialias_up")
    words = [f"--{flag} {value}" for flag, value in changes.items() if flag not in switches]
    words += ["without " * (not changes[flag]) + f"--{flag}" for flag in switches if flag in changes]
    return f"It fits with these flags: {', '.join(words)}"
