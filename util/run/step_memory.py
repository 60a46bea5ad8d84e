"""`--max_memory_report`: what a training step takes in memory."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from util.memory import peak_memory


def report_memory_of_second_step(model: Any, print_line: Callable[[str], None]) -> None:
    """Print a table of the second step that `model.optimize_parameters` takes from now on. Training stays the same.

    In the first step the optimizers have no moments yet; what --cuda_graph records later cannot be measured.
    """
    take_step = model.optimize_parameters

    def second_step() -> None:
        model.optimize_parameters = take_step
        peaks = peaks_of_step(model) if model.device.type == "cuda" else take_step() or {}
        print_line(_table(lasting_bytes(model), peaks, model.device))

    def first_step() -> None:
        take_step()
        model.optimize_parameters = second_step

    model.optimize_parameters = first_step


def lasting_bytes(model: Any) -> dict[str, int]:
    """Return the bytes of what lasts from step to step: weights, gradients, moments of optimizers, and the batch."""
    weights = {name: list(net.parameters()) for name, net in model.networks().items()}
    return {
        **{f"weights of {name}": _bytes(parameters) for name, parameters in weights.items()},
        "gradients": _bytes(parameter.grad for parameters in weights.values() for parameter in parameters),
        "moments": _bytes(tree_leaves([list(optimizer.state.values()) for optimizer in model.optimizers])),
        "batch": _bytes([model.real_A, model.real_B]),
    }


def _bytes(values: Iterable[object]) -> int:
    """Return the bytes of the tensors among the values; memory that several share counts once."""
    storages = {value.untyped_storage() for value in values if isinstance(value, torch.Tensor)}
    return sum(storage.nbytes() for storage in storages)


def peaks_of_step(model: Any) -> dict[str, int]:
    """Take a training step on a GPU; return the most bytes allocated in each of its phases.

    Phases are forward, each `compute_*_loss`, what follows it until the next phase (its backward), and each optimizer.
    """
    peaks: dict[str, int] = {}
    phase = "forward"

    def begin(name: str) -> None:
        nonlocal phase
        peaks[phase] = max(peaks.get(phase, 0), torch.cuda.max_memory_allocated(model.device))
        torch.cuda.reset_peak_memory_stats(model.device)
        phase = name

    def measured(function: Callable, name: str, next_name: str) -> Callable:
        def call(*args: object) -> object:
            begin(name)
            result = function(*args)
            begin(next_name)
            return result

        return call

    wrapped = {"forward": measured(model.forward, "forward", "forward")}
    for attribute in dir(model):
        if attribute.startswith("compute_") and attribute.endswith("_loss"):
            loss = attribute.removeprefix("compute_")
            wrapped[attribute] = measured(getattr(model, attribute), loss, f"{loss}, backward")
    names = {id(value): name for name, value in vars(model).items()}
    hooks = [
        optimizer.register_step_pre_hook(lambda optimizer, *_: begin(f"{names.get(id(optimizer), 'optimizer')}.step"))
        for optimizer in model.optimizers
    ]
    vars(model).update(wrapped)
    torch.cuda.reset_peak_memory_stats(model.device)
    try:
        model.optimize_parameters()
        begin("")
    finally:
        for attribute in wrapped:
            delattr(model, attribute)
        for hook in hooks:
            hook.remove()
    return peaks


def _table(lasting: dict[str, int], peaks: dict[str, int], device: torch.device) -> str:
    lines = ["memory of this training step, MiB", *(_row(name, size) for name, size in lasting.items())]
    if peaks:
        highest = max(peaks.values())
        lines.append("most at once on the GPU, with all of the above")
        lines += [_row(name, size) + "  <- the peak" * (size == highest) for name, size in peaks.items()]
        lines.append(_row("reserved by torch", torch.cuda.memory_reserved(device)))
    else:
        lines.append(_row("peak of this process so far", peak_memory(device)))
    return "\n".join(lines)


def _row(name: str, size: int) -> str:
    return f"  {name:28}{size / 2**20:11.1f}"
