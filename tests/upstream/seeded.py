"""Weights and images that are the same on every machine and with any torch: from numpy's frozen generator."""

import zlib

import numpy as np
import torch


def fill(net: torch.nn.Module) -> torch.nn.Module:
    """Give every parameter and statistic of a network a value that depends on its key; return the network in float64.

    The blur filters are left alone: they are part of what is compared. StyleGAN2's noise has the weight 0, as at first.
    """
    net.double()
    state = net.state_dict()
    for key, old in state.items():
        if key.endswith(("filt", "kernel", "noise.weight", "num_batches_tracked")):
            continue
        values = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(tuple(old.shape))
        if old.dim() > 1:
            values /= np.sqrt(np.prod(old.shape[1:]) / 2)
        elif key.endswith("running_var"):
            values = 1 + values**2
        else:
            values = values * 0.1 + key.endswith("weight")  # a scale of batch norm is around 1
        state[key] = torch.from_numpy(values)
    net.load_state_dict(state)
    return net.eval()


def images(*shape: int) -> torch.Tensor:
    """Return images of this shape in [-1, 1], float64."""
    return torch.from_numpy(np.random.RandomState(len(shape)).rand(*shape) * 2 - 1)


def summary(output: torch.Tensor) -> list[float]:
    """Return eight rounded values from all over a tensor."""
    flat = output.detach().flatten()
    return [float(f"{flat[len(flat) * k // 8].item():.10g}") for k in range(8)]
