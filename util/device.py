"""Where to compute: `--gpu_ids` to a torch device, and its memory."""

import ctypes
import platform

import torch

from util.errors import UserError


def parse_gpu_ids(text: str) -> list[int]:
    """Read `--gpu_ids`: `auto`, `-1` (the CPU), `0`, or `0,2`; returns the list of accelerator indices.

    `auto` is the first accelerator if there is one (CUDA, then Apple's MPS), else the CPU.

    Raises:
        UserError: if it is none of these, or names an accelerator that is not here.
    """
    if text == "auto":
        return [0] if _accelerators() else []
    try:
        ids = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--gpu_ids {text}: expected auto, -1 for the CPU, or indices such as 0 or 0,1") from None
    ids = [index for index in ids if index >= 0]
    if len(ids) > 1:
        raise UserError(f"--gpu_ids {text}: training on several GPUs is not supported yet; name one")
    if ids and ids[0] >= _accelerators():
        raise UserError(f"--gpu_ids {text}: {_accelerators()} accelerators found here; use -1 for the CPU")
    return ids


def device_of(gpu_ids: list[int]) -> torch.device:
    """Return the device that a list from `parse_gpu_ids` stands for."""
    if not gpu_ids:
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda", gpu_ids[0])
    return torch.device("mps")


def _accelerators() -> int:
    if torch.cuda.is_available():
        return torch.cuda.device_count()
    return int(torch.backends.mps.is_available())


def keep_freed_memory() -> None:
    """Have the C library keep what tensors on the CPU give back, for the next step to use again.

    glibc returns blocks above 32 MiB to the system at once, which then hands out zeroed pages anew in every step. Does
    nothing with other C libraries.
    """
    if platform.libc_ver()[0] == "glibc":
        m_trim_threshold, m_mmap_threshold, most = -1, -3, 2**31 - 1  # malloc.h
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_threshold, most)
        libc.mallopt(m_trim_threshold, most)
