"""The flags of a network, inferred from its state dict."""

import re
from collections.abc import Iterable

import torch

State = dict[str, torch.Tensor]

# Buffers that InstanceNorm had before torch 0.4.
_STALE = ("running_mean", "running_var", "num_batches_tracked")


def clean_state(state: State, own_keys: Iterable[str]) -> State:
    """Return a state dict without DataParallel's `module.` prefix and without stale buffers of InstanceNorm."""
    if state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    own = set(own_keys)
    return {key: value for key, value in state.items() if key in own or not _is_stale(key, state)}


def _is_stale(key: str, state: State) -> bool:
    # Batch norm has the same buffers, but a weight beside them.
    return key.endswith(_STALE) and f"{key.rpartition('.')[0]}.weight" not in state


def infer_flags(letter: str, state: State) -> dict[str, object]:
    """Return the flags that build a network with the keys and shapes of this state dict, as far as they show.

    Args:
        letter: the network's name: G, D or F, or one that begins with it (G_A).
        state: from `clean_state`.
    Returns:
        Values by flag; empty for a network that is not built here.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    families = {
        "G": {"model.1.weight": _resnet, "model.model.0.weight": _unet},
        "D": {"model.0.weight": _patchgan, "net.0.weight": _pixel},
        "F": {"mlp_0.0.weight": lambda shapes: {"netF": "mlp_sample", "netF_nc": shapes["mlp_0.0.weight"][0]}},
    }
    for key, family in families.get(letter[0], {}).items():
        if key in shapes:
            try:
                return family(shapes)
            except (KeyError, IndexError, ValueError):  # only the first layer is like one of ours
                return {}
    return {}


def _resnet(shapes: dict[str, tuple]) -> dict[str, object]:
    blocks = sorted({int(found[1]) for key in shapes if (found := re.match(r"model\.(\d+)\.conv_block", key))})
    ngf, input_nc = shapes["model.1.weight"][:2]
    last = max(int(key.split(".")[1]) for key in shapes if key.startswith("model."))
    flags: dict[str, object] = {"netG": f"resnet_{len(blocks)}blocks", "ngf": ngf, "input_nc": input_nc,
                                "output_nc": shapes[f"model.{last}.weight"][0]}  # fmt: skip
    flags["normG"] = _norm("model.1", "model.2", shapes)
    flags["no_antialias"] = "model.7.filt" not in shapes
    flags["context"] = any(key.startswith("context.") for key in shapes)
    if blocks:
        flags["no_antialias_up"] = f"model.{blocks[-1] + 1}.filt" not in shapes
        flags["no_dropout"] = f"model.{blocks[0]}.conv_block.5.weight" in shapes
    return flags


def _unet(shapes: dict[str, tuple]) -> dict[str, object]:
    ngf, input_nc = shapes["model.model.0.weight"][:2]
    downs = sum(re.fullmatch(r"model\.model\.(0|(\d\.model\.)+1)\.weight", key) is not None for key in shapes)
    norm = _norm("model.model.0", "model.model.1.model.2", shapes)
    return {"netG": f"unet_{2**downs}", "ngf": ngf, "input_nc": input_nc,
            "output_nc": shapes["model.model.3.weight"][1], "normG": norm}  # fmt: skip


def _patchgan(shapes: dict[str, tuple]) -> dict[str, object]:
    convolutions = [key.removesuffix(".weight") for key, shape in shapes.items()
                    if len(shape) == 4 and key.endswith(".weight")]  # fmt: skip
    layers = len(convolutions) - 2
    flags: dict[str, object] = {"netD": "basic"} if layers == 3 else {"netD": "n_layers", "n_layers_D": layers}
    second = convolutions[1]
    following = f"model.{int(second.split('.')[1]) + 1}"
    flags |= {"ndf": shapes["model.0.weight"][0], "normD": _norm(second, following, shapes)}
    return {**flags, "no_antialias": not any(key.endswith(".filt") for key in shapes)}


def _pixel(shapes: dict[str, tuple]) -> dict[str, object]:
    return {"netD": "pixel", "ndf": shapes["net.0.weight"][0], "normD": _norm("net.2", "net.3", shapes)}


def _norm(convolution: str, following: str, shapes: dict[str, tuple]) -> str:
    """Infer the norm from the bias of the convolution before it: in CUT's networks only instance norm has one."""
    if f"{convolution}.bias" in shapes:
        return "instance"
    if f"{following}.running_mean" in shapes:
        return "batch"
    return "layer" if f"{following}.weight" in shapes else "none"
