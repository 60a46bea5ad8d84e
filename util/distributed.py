"""The processes of one run, as torchrun starts them. In a run of one process everything here is without effect.

All processes go through the same steps: what one of them calls here, all call, in the same order.
"""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

import torch
import torch.distributed as dist
from torch.utils._pytree import tree_map_only

from util.errors import UserError


def world_size() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def is_first() -> bool:
    """Tell whether this process is the one that speaks and writes."""
    return rank() == 0


def step_size(opt: Namespace) -> int:
    """Return how many pictures a training step of all processes takes."""
    return opt.batch_size * opt.accumulate * world_size()


def together(main: Callable[[], None]) -> Callable[[], None]:
    """Return a `main` around which the processes are connected."""

    @wraps(main)
    def connected() -> None:
        with _connection():
            main()

    return connected


@contextmanager
def _connection() -> Iterator[None]:
    """Connect the processes; when one of them ends early, all end, and only the first to notice says why.

    Raises:
        UserError: in a process that lost another.
        SystemExit: in a process whose error is known already.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) == 1 or "RANK" not in os.environ:
        yield
        return
    store, number, count = next(dist.rendezvous("env://"))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=dist.PrefixStore("messages", store), rank=number, world_size=count)
    try:
        yield
    except Exception as error:
        if not (isinstance(error, (UserError, OSError)) or _is_lost_process(error)):
            raise
        if not _is_first_to_tell(store):
            raise SystemExit(1) from None
        if _is_lost_process(error):
            raise UserError("another process of this run has ended, so all end; go on from the last save with "
                            "--continue_train") from None  # fmt: skip
        raise
    else:
        dist.destroy_process_group()


def _is_lost_process(error: Exception) -> bool:
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _is_first_to_tell(store: "dist.Store") -> bool:
    try:
        return store.add("told", 1) == 1
    except dist.DistError:  # the process that kept the store is gone
        return True


def sum_over_processes(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes, in place."""
    if world_size() > 1:
        dist.all_reduce(values)
    return values


def average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    """Give all processes the mean of their gradients, in one message."""
    if world_size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    flat = sum_over_processes(torch.cat([gradient.flatten() for gradient in gradients])) / world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_process(wish: bool) -> bool:
    """Tell whether one of the processes at least has this wish."""
    return bool(sum_over_processes(torch.tensor(float(wish))))


def of_first(value: object) -> object:
    """Return the value that the first process has."""
    values = [value]
    if world_size() > 1:
        dist.broadcast_object_list(values)
    return values[0]


def gathered(value: object) -> list[object]:
    """Return the values of all processes in the order of their ranks, in the first process; elsewhere nothing.

    Args: value: tensors, plain types, and lists and dictionaries of them. Tensors arrive on the CPU.
    """
    if world_size() == 1:
        return [value]
    values = [None] * world_size() if is_first() else None
    dist.gather_object(tree_map_only(torch.Tensor, torch.Tensor.cpu, value), values)
    return values or []


def is_alike(values: list[torch.Tensor]) -> bool:
    """Tell whether all processes have the same numbers (), bit for bit."""
    if world_size() == 1 or not values:
        return True
    largest, smallest = torch.stack(values), torch.stack(values)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    dist.all_reduce(smallest, dist.ReduceOp.MIN)
    return torch.equal(largest, smallest)
