"""What a training step costs: time, arithmetic and memory traffic. Knows models by upstream's names alone."""

import statistics
import time
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


def step(model: Any, batch: dict) -> None:
    """Take a training step, and wait until the device has taken it."""
    model.set_input(batch)
    model.optimize_parameters()
    if torch.device(model.device).type != "cpu":
        torch.accelerator.synchronize()


def timed_step(model: Any, batch: dict) -> float:
    """Take a training step; return its seconds."""
    started = time.perf_counter()
    step(model, batch)
    return time.perf_counter() - started


def count_flops(model: Any, batch: dict) -> float:
    """Return the floating-point operations of a step, by torch's counter: convolutions and matrix products.

    They depend on the coin of flip_equivariance in FastCUT, the first number that a step draws: the mean of both
    sides is returned. These steps warm the model up as well.
    """
    counts = []
    for seed in (0, 1):  # torch.rand(()) is below a half, then above
        torch.manual_seed(seed)
        with FlopCounterMode(display=False) as counter:
            step(model, batch)
        counts.append(counter.get_total_flops())
    return statistics.mean(counts)


def count_bytes(model: Any, batch: dict) -> int:
    """Return the bytes that the operations of a step read and write, each counted as if it went to memory."""
    with _ByteCounter() as counter:
        step(model, batch)
    return counter.bytes


class _ByteCounter(TorchDispatchMode):
    """Adds up the sizes of what each operation takes and gives; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return out


def median_ratio(seconds: list[float], others: list[float] | None) -> float | None:
    """Return the median over rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(seconds, others, strict=True)) if others else None


def machine(device: torch.device) -> str:
    """Return what is computed on, for a figure's note."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = {"cpu": f"the CPU (threads: {torch.get_num_threads()})"}.get(device.type, device.type.upper())
    return f"{name}, torch {torch.__version__}"
