"""`--compile`: the networks as torch.compile makes them, where it can."""

from collections.abc import Iterable

import torch
from torch import nn


def compile_networks(networks: Iterable[nn.Module], device: torch.device) -> None:
    """Compile the passes of networks in place: keys of their weights stay. Where that fails a line says why."""
    try:  # what it needs beside torch, a C compiler say, is found missing only at the first use
        torch.compile(torch.sin)(torch.ones(1, device=device))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        print(f"--compile: torch.compile does not work here ({reason}); left out")
        return
    for network in networks:
        network.compile()
