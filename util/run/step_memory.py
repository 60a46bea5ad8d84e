"""`--max_memory_report`: what a training step takes in memory."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
        peaks = peaks_of_step(model)
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
    """Take a training step; return the most bytes allocated on the GPU in each of its phases. Empty on a CPU."""
    peaks: dict[str, int] = {}
    phase = "forward"

    def begin(name: str) -> None:
        nonlocal phase
        peaks[phase] = max(peaks.get(phase, 0), torch.cuda.max_memory_allocated(model.device))
        torch.cuda.reset_peak_memory_stats(model.device)
        phase = name

    if model.device.type != "cuda":
        model.optimize_parameters()
        return {}
    torch.cuda.reset_peak_memory_stats(model.device)
    with _announcing_phases(model, begin):
        model.optimize_parameters()
        begin("")
    return peaks


@contextmanager
def _announcing_phases(model: Any, begin: Callable[[str], None]) -> Iterator[None]:
    """Call `begin` with the name of each phase of a step: forward, each loss, its backward, and each optimizer."""

    def announced(function: Callable, name: str, after: str | None = None) -> Callable:
        def call(*args: object, **keywords: object) -> object:
            begin(name)
            result = function(*args, **keywords)
            if after:
                begin(after)
            return result

        return call

    def announce_optimizer(optimizer: torch.optim.Optimizer, *_: object) -> None:
        names = [name for name, value in vars(model).items() if value is optimizer]
        begin(f"{names[0] if names else 'optimizer'}.step")

    losses = [name for name in dir(model) if name.startswith("compute_") and name.endswith("_loss")]
    wrapped = {"forward": announced(model.forward, "forward")}
    for name in losses:
        loss = name.removeprefix("compute_")
        wrapped[name] = announced(getattr(model, name), loss, f"{loss}, backward")
    hooks = [optimizer.register_step_pre_hook(announce_optimizer) for optimizer in model.optimizers]
    vars(model).update(wrapped)
    try:
        yield
    finally:
        for name in wrapped:
            delattr(model, name)
        for hook in hooks:
            hook.remove()


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
