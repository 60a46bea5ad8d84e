"""`--max_memory_report`: what a training step takes in memory, part by part."""

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.base_model import BaseModel
from util.memory import peak_memory


def report_second_step(model: BaseModel, say: Callable[[str], None]) -> None:
    """Have a model's second step from now on watched, when optimizers have their moments; `say` gets the table.

    That is before --cuda_graph records a step, since a replay shows nothing.
    """
    take_step = model.optimize_parameters

    def second_step() -> None:
        model.optimize_parameters = take_step
        peaks = peaks_of_step(model)
        say(_table(parts_of(model), peaks, _whole(model.device)))

    def first_step() -> None:
        take_step()
        model.optimize_parameters = second_step

    model.optimize_parameters = first_step


def parts_of(model: BaseModel) -> dict[str, int]:
    """Return the bytes of what lasts from step to step: weights, gradients, the optimizers' state and the batch."""
    weights = {name: list(network.parameters()) for name, network in model.networks().items()}
    return {
        **{f"weights of {name}": _bytes(parameters) for name, parameters in weights.items()},
        "gradients": _bytes(parameter.grad for parameters in weights.values() for parameter in parameters),
        "moments": _bytes(tree_leaves(_moments(model))),
        "batch": _bytes([model.real_A, model.real_B]),
    }


def peaks_of_step(model: BaseModel) -> dict[str, dict[str, int]]:
    """Take a training step; return the most bytes in each of its phases, by what they are counted by.

    `tensors` are those alive on the model's device, which compiled networks do not show. `allocated`, on CUDA, is also
    what operations need while they run.
    """
    gauges: dict[str, LiveTensors | Allocator] = {}
    if not model.opt.served.compile:
        gauges["tensors"] = LiveTensors(model.device, _held_by(model))
    if model.device.type == "cuda":
        gauges["allocated"] = Allocator(model.device)
    phases = _Phases(gauges)
    with gauges.get("tensors", nullcontext()), _announced(model, phases.begin):
        phases.begin("forward")
        model.optimize_parameters()
        phases.end()
    return phases.peaks


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of all tensors alive on a device, those that autograd alone holds too; each memory once."""

    def __init__(self, device: torch.device, tensors: Iterable[torch.Tensor]):
        """Args: tensors: those there are already; others count once an operation takes or returns them."""
        super().__init__()
        self.device_type = device.type
        self._sizes: dict[int, int] = {}  # of storages alive, by the id of their Python object, which they keep
        self._see(tensors)
        self.peak = self.live

    @property
    def live(self) -> int:
        """Bytes at present."""
        return sum(self._sizes.values())

    def restart(self) -> None:
        """Let `peak` be the most bytes from now on."""
        self.peak = self.live

    def _see(self, leaves: Iterable[object]) -> None:
        for tensor in leaves:
            if isinstance(tensor, torch.Tensor) and tensor.device.type == self.device_type:
                storage = tensor.untyped_storage()
                if id(storage) not in self._sizes:
                    weakref.finalize(storage, self._sizes.pop, id(storage))
                self._sizes[id(storage)] = storage.nbytes()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self._see(tree_leaves((args, kwargs, out)))
        self.peak = max(self.peak, self.live)
        return out


class Allocator:
    """Reads what torch has allocated on a CUDA device, compiled networks and scratch memory of operations included."""

    def __init__(self, device: torch.device):
        self.device = device

    def restart(self) -> None:
        """Let `peak` be the most bytes from now on."""
        torch.cuda.reset_peak_memory_stats(self.device)

    @property
    def peak(self) -> int:
        """The most bytes since the last restart."""
        return torch.cuda.max_memory_allocated(self.device)


class _Phases:
    """The peak of each gauge in each phase of a step; a phase lasts until the next begins."""

    def __init__(self, gauges: dict[str, LiveTensors | Allocator]):
        self.gauges = gauges
        self.peaks: dict[str, dict[str, int]] = {}
        self.current: str | None = None

    def begin(self, name: str) -> None:
        if self.current:
            self.end()
        self.current = name
        for gauge in self.gauges.values():
            gauge.restart()

    def end(self) -> None:
        so_far = self.peaks.setdefault(self.current, {})  # a phase comes again in each micro-batch
        for title, gauge in self.gauges.items():
            so_far[title] = max(so_far.get(title, 0), gauge.peak)


@contextmanager
def _announced(model: BaseModel, begin: Callable[[str], None]) -> Iterator[None]:
    """Have a model tell when a phase of its step begins."""
    forward, update = model.forward, model.update

    def compute(loss: Callable[[], torch.Tensor]) -> torch.Tensor:
        name = getattr(loss, "__name__", "loss").removeprefix("compute_")
        begin(name)
        value = loss()
        begin(f"{name}, backward")
        return value

    def announced_forward() -> None:
        begin("forward")
        forward()

    def announced_update(*objectives: tuple) -> None:
        update(*((optimizers, partial(compute, loss)) for optimizers, loss in objectives))

    def announce(optimizer: torch.optim.Optimizer, *_: object) -> None:
        begin(next((name for name, value in vars(model).items() if value is optimizer), "optimizer") + ".step")

    hooks = [optimizer.register_step_pre_hook(announce) for optimizer in model.optimizers]
    model.forward, model.update = announced_forward, announced_update
    try:
        yield
    finally:
        del model.forward, model.update
        for hook in hooks:
            hook.remove()


def _held_by(model: BaseModel) -> list[object]:
    """Return all tensors that a model holds before a step, among other things."""
    networks = [value for value in vars(model).values() if isinstance(value, torch.nn.Module)]
    weights = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    gradients = [tensor.grad for tensor in weights]
    return tree_leaves([vars(model), weights, gradients, _moments(model), model.extra_state()])


def _moments(model: BaseModel) -> list[dict]:
    return [state for optimizer in model.optimizers for state in optimizer.state.values()]


def _bytes(leaves: Iterable[object]) -> int:
    """Return the bytes of tensors, memory that several share once."""
    storages = {leaf.untyped_storage() for leaf in leaves if isinstance(leaf, torch.Tensor)}
    return sum(storage.nbytes() for storage in storages)


def _whole(device: torch.device) -> str:
    if device.type == "cuda":
        return f"torch has reserved {_mib(torch.cuda.memory_reserved(device))} MiB of the GPU"
    return f"this process took {_mib(peak_memory(device))} MiB at most so far, libraries and pictures included"


def _table(parts: dict[str, int], peaks: dict[str, dict[str, int]], whole: str) -> str:
    titles, phases = list(next(iter(peaks.values()))), [list(sizes.values()) for sizes in peaks.values()]
    most = max(sizes[-1] for sizes in phases)
    return "\n".join([
        "memory of this training step, MiB",
        *(_row(name, [_mib(size)]) for name, size in parts.items()),
        _row("most at once, with all that", titles),
        *(_row(name, map(_mib, sizes)) + "  <- the peak" * (sizes[-1] == most)
          for name, sizes in zip(peaks, phases, strict=True)),
        whole,
    ])  # fmt: skip


def _row(name: str, cells: Iterable[str]) -> str:
    return f"  {name:28}" + "".join(f"{cell:>11}" for cell in cells)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"
