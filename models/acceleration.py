"""--amp, --tf32, --compile and --cuda_graph: their flags, and what they mean on this device."""

import argparse
import os
from argparse import Namespace
from collections.abc import Iterable
from contextlib import AbstractContextManager

import torch
from torch import nn

from util.device import keep_freed_memory
from util.util import str2bool

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of speed."""
    switch = {"type": str2bool, "nargs": "?", "const": True, "default": False}
    add = parser.add_argument
    add("--fast", **switch, help="everything that makes a GPU faster: --amp bf16 --tf32 --compile --cuda_graph")
    add("--amp", choices=["off", *_DTYPES], help="mixed precision on a GPU; default off, with --fast bf16")
    add("--tf32", **switch, help="matrix products in TF32 on a GPU; convolutions use it by default")
    add("--compile", **switch, help="torch.compile the networks on a GPU; takes minutes at the start")
    add("--cuda_graph", **switch, help="record a training step as a CUDA graph and replay it")


def resolve_acceleration(opt: Namespace) -> list[str]:
    """Set `opt.acceleration`: the values of amp, tf32, compile and cuda_graph that this device and run support.

    Returns:
        A message for each flag that was given and is disabled.
    """
    wanted: dict[str, object] = {name: opt.fast or getattr(opt, name) for name in ("tf32", "compile", "cuda_graph")}
    wanted["amp"] = opt.amp or ("bf16" if opt.fast else "off")
    reasons = _unsupported(opt, wanted["amp"])
    disabled = [name for name in reasons if wanted[name] not in (False, "off")]
    off = {name: "off" if name == "amp" else False for name in disabled}
    opt.acceleration = Namespace(**{**wanted, **off})
    return [f"--{name} is disabled: {reasons[name]}" for name in disabled]


def _unsupported(opt: Namespace, amp: str) -> dict[str, str]:
    """Return why this device, or this run, does not support a flag."""
    if opt.device.type != "cuda":
        name = "a CPU" if opt.device.type == "cpu" else "Apple's MPS"
        return {"amp": f"slower than float32 on {name}", "tf32": f"{name} has no TF32",
                "compile": f"slower on {name}", "cuda_graph": f"{name} has no CUDA graphs"}  # fmt: skip
    reasons = {}
    if amp == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        reasons["amp"] = "this GPU has no bf16; try --amp fp16"
    if getattr(opt, "lambda_gp", 0) != 0:
        reasons["compile"] = "compiled networks have no second derivatives, which --lambda_gp needs"
    if amp == "fp16":
        reasons["cuda_graph"] = "the loss scaling of --amp fp16 changes from step to step; use bf16"
    elif opt.accumulate > 1:
        reasons["cuda_graph"] = "it does not work with --accumulate"
    elif int(os.environ.get("WORLD_SIZE") or 1) > 1:
        reasons["cuda_graph"] = "it does not work with several processes"
    return reasons


def prepare_device(opt: Namespace) -> None:
    """Set torch and the C library up for training steps that repeat."""
    if opt.device.type == "cpu":
        keep_freed_memory()
    elif opt.device.type == "cuda":
        # Trying out cuDNN's algorithms pays off where all images have one size.
        torch.backends.cudnn.benchmark = bool({"crop", "resize"} & set(opt.preprocess.split("_and_")))
        torch.set_float32_matmul_precision("high" if opt.acceleration.tf32 else "highest")


def autocast(amp: str, device: torch.device) -> AbstractContextManager:
    """Return the context in which convolutions and products are computed in 16 bits.

    Args: amp: off, bf16 or fp16.
    """
    # No cache of weights: the encoding of the keys, which has no gradient, would leave weights without one to the
    # queries.
    return torch.autocast(device.type, _DTYPES.get(amp), enabled=amp in _DTYPES, cache_enabled=False)


def compile_networks(networks: Iterable[nn.Module], device: torch.device) -> None:
    """Compile the forward and backward passes of networks in place, or print why that does not work here."""
    try:  # torch looks for a C compiler and the like only at the first use
        torch.compile(torch.sin)(torch.ones(1, device=device))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        print(f"--compile is disabled: torch.compile does not work here ({reason})")
        return
    for network in networks:
        network.compile()
