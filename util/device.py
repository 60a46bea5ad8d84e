"""The device: --gpu_ids to a torch device, and memory of the CPU."""

import ctypes
import os
import platform

import torch

from util.errors import UsageError, UserError


def parse_gpu_ids(text: str) -> list[int]:
    """Read --gpu_ids: `auto`, `-1` (the CPU), `0`, or `0,2`. Return the accelerator of this process, or none.

    `auto` stands for all accelerators here (CUDA, then Apple's MPS), else the CPU. Each process that torchrun starts
    takes its own from the list. A process without torchrun takes the first of `auto`, and refuses a list.

    Raises:
        UsageError: if it is none of these, or names an accelerator that is not here.
    """
    found, local_rank, processes = _count_accelerators(), *_local_rank_and_processes()
    try:
        ids = list(range(found)) if text == "auto" else [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--gpu_ids {text}: expected auto, -1 for the CPU, or indices such as 0 or 0,1") from None
    if min(ids, default=-1) < -1:
        raise UsageError(f"--gpu_ids {text}: expected auto, -1 for the CPU, or indices such as 0 or 0,1")
    ids = [index for index in ids if index >= 0]
    if not ids:
        return []
    if max(ids) >= found:
        raise UsageError(f"--gpu_ids {text}: {found} accelerators found here; use -1 for the CPU")
    if len(ids) > 1 and processes == 1 and text != "auto":
        raise UsageError(f"--gpu_ids {text}: one process trains on one GPU; for {len(ids)} GPUs start "
                         f"torchrun --nproc_per_node {len(ids)} train.py ...")  # fmt: skip
    if processes > len(ids):
        raise UsageError(f"--gpu_ids {text}: {processes} processes on this machine need as many GPUs, not {len(ids)}; "
                         f"start torchrun with --nproc_per_node {len(ids)}")  # fmt: skip
    return [ids[local_rank]]


def _local_rank_and_processes() -> tuple[int, int]:
    """Return the rank of this process among those that torchrun started on this machine, and their number."""
    return environment_number("LOCAL_RANK", 0), environment_number("LOCAL_WORLD_SIZE", 1)


def environment_number(variable: str, default: int) -> int:
    """Return a number that torchrun has put into the environment, or the default without torchrun.

    Raises:
        UserError: if it is no number.
    """
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal():
        raise UserError(f"{variable}={text} in the environment: expected a number; unset it unless torchrun sets it")
    return int(text)


def device_of(gpu_ids: list[int]) -> torch.device:
    """Return the device for a list from `parse_gpu_ids`."""
    if not gpu_ids:
        return torch.device("cpu")
    if torch.cuda.is_available():
        torch.cuda.set_device(gpu_ids[0])  # messages between processes use it
        return torch.device("cuda", gpu_ids[0])
    return torch.device("mps")


def _count_accelerators() -> int:
    if torch.cuda.is_available():
        return torch.cuda.device_count()
    return int(torch.backends.mps.is_available())


def keep_freed_memory() -> None:
    """Keep the memory of freed CPU tensors in the process, so that the next step can use it again.

    glibc returns blocks above 32 MiB to the system at once, and the system zeroes new pages in every step. Other C
    libraries are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        m_trim_threshold, m_mmap_threshold, most = -1, -3, 2**31 - 1  # malloc.h
        libc = ctypes.CDLL(None)
        if libc.mallopt(m_mmap_threshold, most):  # older ones refuse it
            libc.mallopt(m_trim_threshold, most)
