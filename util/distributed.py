"""Several processes in one run, started by torchrun. With one process nothing here has an effect.

All processes must make the same calls in the same order.
"""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

import torch
import torch.distributed as dist
from torch.utils._pytree import tree_map_only

from util.device import environment_number
from util.errors import UserError


def world_size() -> int:
    """Return the number of processes in this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the rank of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def is_first() -> bool:
    """Return True in the process that prints and writes."""
    return rank() == 0


def step_size(opt: Namespace) -> int:
    """Return the number of images in a training step of all processes."""
    return opt.batch_size * opt.accumulate * world_size()


def with_process_group(main: Callable[[], int | None]) -> Callable[[], int | None]:
    """Run main inside an initialized process group."""

    @wraps(main)
    def connected() -> int | None:
        with _connection():
            return main()

    return connected


@contextmanager
def _connection() -> Iterator[None]:
    """Connect the processes. When one of them fails, all end, and only the first to notice prints why.

    Raises:
        UserError: in a process that lost another one, or if something other than torchrun has set its variables.
        SystemExit: in a process whose error another one has printed.
    """
    if environment_number("WORLD_SIZE", 1) == 1 or "RANK" not in os.environ:
        yield
        return
    environment_number("RANK", 0)
    for variable in ("MASTER_ADDR", "MASTER_PORT"):
        if variable not in os.environ:
            raise UserError(f"RANK and WORLD_SIZE are set in the environment, and {variable} is not: start several "
                            "processes with torchrun, or unset both for one process")  # fmt: skip
    store, number, count = next(dist.rendezvous("env://"))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=dist.PrefixStore("messages", store), rank=number, world_size=count)
    try:
        yield
    except Exception as error:
        if not (isinstance(error, (UserError, OSError)) or _is_lost_process(error)):
            raise
        if not _is_first_to_report(store):
            raise SystemExit(1) from None
        if _is_lost_process(error):
            raise UserError("another process of this run has ended, so all end; continue from the last save with "
                            "--continue_train") from None  # fmt: skip
        raise
    else:
        dist.destroy_process_group()


def _is_lost_process(error: Exception) -> bool:
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _is_first_to_report(store: "dist.Store") -> bool:
    try:
        return store.add("reported", 1) == 1
    except dist.DistError:  # the process that held the store has ended
        return True


def sum_over_processes(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes, in place."""
    if world_size() > 1:
        dist.all_reduce(values)
    return values


def average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    """Replace the gradients by their mean over all processes, in one message."""
    if world_size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    flat = sum_over_processes(torch.cat([gradient.flatten() for gradient in gradients])) / world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_process(value: bool) -> bool:
    """Return True if the value is True in at least one process."""
    return bool(sum_over_processes(torch.tensor(float(value))))


def largest(value: int) -> int:
    """Return the largest value of all processes."""
    values = torch.tensor(value)
    if world_size() > 1:
        dist.all_reduce(values, dist.ReduceOp.MAX)
    return int(values)


def broadcast(value: object) -> object:
    """Return the value of the first process."""
    values = [value]
    if world_size() > 1:
        dist.broadcast_object_list(values)
    return values[0]


def gather_to_first(value: object) -> list[object]:
    """Return the values of all processes, in the order of their ranks, to the first process; an empty list to others.

    Args: value: tensors, plain types, and lists and dictionaries of them. Tensors arrive on the CPU.
    """
    if world_size() == 1:
        return [value]
    values = [None] * world_size() if is_first() else None
    dist.gather_object(tree_map_only(torch.Tensor, torch.Tensor.cpu, value), values)
    return values or []


def same_on_all_ranks(values: list[torch.Tensor]) -> bool:
    """Return True if all processes have the same numbers (), bit for bit."""
    if world_size() == 1 or not values:
        return True
    largest, smallest = torch.stack(values), torch.stack(values)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    dist.all_reduce(smallest, dist.ReduceOp.MIN)
    return torch.equal(largest, smallest)
