"""Where to compute: `--gpu_ids` to a torch device, and its memory."""

import ctypes
import os
import platform
from argparse import Namespace

import torch

from util.errors import UserError


def parse_gpu_ids(text: str) -> list[int]:
    """Read `--gpu_ids`: `auto`, `-1` (the CPU), `0`, or `0,2`; returns the accelerator of this process, if any.

    `auto` are all accelerators here (CUDA, then Apple's MPS), else the CPU. Of several each process that torchrun
    starts takes its own; one process alone takes the first, and refuses a list.

    Raises:
        UserError: if it is none of these, or names an accelerator that is not here.
    """
    here, number, processes = _accelerators(), *_place_on_machine()
    if text == "auto":
        return [_of_process(list(range(here)), number, processes, text)] if here else []
    try:
        ids = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--gpu_ids {text}: expected auto, -1 for the CPU, or indices such as 0 or 0,1") from None
    ids = [index for index in ids if index >= 0]
    if ids and max(ids) >= here:
        raise UserError(f"--gpu_ids {text}: {here} accelerators found here; use -1 for the CPU")
    if len(ids) > 1 and processes == 1:
        raise UserError(f"--gpu_ids {text}: a process trains on one GPU; for {len(ids)} of them start "
                        f"torchrun --nproc_per_node {len(ids)} train.py ...")  # fmt: skip
    return [_of_process(ids, number, processes, text)] if ids else []


def _place_on_machine() -> tuple[int, int]:
    """Return the number of this process among those that torchrun started on this machine, and how many they are."""
    return int(os.environ.get("LOCAL_RANK") or 0), int(os.environ.get("LOCAL_WORLD_SIZE") or 1)


def _of_process(ids: list[int], number: int, processes: int, text: str) -> int:
    if processes > len(ids):
        raise UserError(f"--gpu_ids {text}: {processes} processes on this machine need as many GPUs, not {len(ids)}; "
                        f"start torchrun with --nproc_per_node {len(ids)}")  # fmt: skip
    return ids[number]


def device_of(gpu_ids: list[int]) -> torch.device:
    """Return the device that a list from `parse_gpu_ids` stands for."""
    if not gpu_ids:
        return torch.device("cpu")
    if torch.cuda.is_available():
        torch.cuda.set_device(gpu_ids[0])  # where messages between processes go
        return torch.device("cuda", gpu_ids[0])
    return torch.device("mps")


def _accelerators() -> int:
    if torch.cuda.is_available():
        return torch.cuda.device_count()
    return int(torch.backends.mps.is_available())


def serve(opt: Namespace) -> list[str]:
    """Set `opt.served`: those of amp, tf32, compile and cuda_graph that are asked for and can be had on this device.

    `--fast` stands for `--amp bf16 --tf32 --compile --cuda_graph`.

    Returns:
        A line for each that is asked for in vain.
    """
    asked = {
        "amp": opt.amp or ("bf16" if opt.fast else "off"),
        **{flag: opt.fast or getattr(opt, flag) for flag in ("tf32", "compile", "cuda_graph")},
    }
    left_out = {flag: reason for flag, reason in _reasons_against(opt, asked["amp"]).items()
                if asked[flag] not in (False, "off")}  # fmt: skip
    opt.served = Namespace(**{**asked, **{flag: "off" if flag == "amp" else False for flag in left_out}})
    return [f"--{flag}: {reason}; left out" for flag, reason in left_out.items()]


def _reasons_against(opt: Namespace, amp: str) -> dict[str, str]:
    """Return why this device, or this run, does not serve a flag."""
    if opt.device.type != "cuda":
        name = "a CPU" if opt.device.type == "cpu" else "Apple's MPS"
        return {"amp": f"slower than float32 on {name}", "tf32": f"{name} has none",
                "compile": f"slower on {name}, and minutes to compile", "cuda_graph": f"{name} has none"}  # fmt: skip
    reasons = {}
    if amp == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        reasons["amp"] = "this GPU has no bf16; --amp fp16 may serve"
    if getattr(opt, "lambda_gp", 0) != 0:
        reasons["compile"] = "compiled networks have no second derivatives, which --lambda_gp needs"
    if amp == "fp16":
        reasons["cuda_graph"] = "the loss scaling of --amp fp16 decides anew in each step; bf16 needs none"
    elif opt.accumulate > 1:
        reasons["cuda_graph"] = "not with --accumulate"
    elif int(os.environ.get("WORLD_SIZE") or 1) > 1:
        reasons["cuda_graph"] = "not with several processes"
    return reasons


def prepare_for_training(opt: Namespace) -> None:
    """Set up what a device needs for steps that repeat."""
    if opt.device.type == "cpu":
        keep_freed_memory()
    elif opt.device.type == "cuda":
        # Trying out its algorithms pays where pictures have one size.
        torch.backends.cudnn.benchmark = bool({"crop", "resize"} & set(opt.preprocess.split("_and_")))
        torch.set_float32_matmul_precision("high" if opt.served.tf32 else "highest")


def keep_freed_memory() -> None:
    """Have the C library keep what tensors on the CPU give back, for the next step to use again.

    glibc returns blocks above 32 MiB to the system at once, which then hands out zeroed pages anew in every step. Does
    nothing with other C libraries.
    """
    if platform.libc_ver()[0] == "glibc":
        m_trim_threshold, m_mmap_threshold, most = -1, -3, 2**31 - 1  # malloc.h
        libc = ctypes.CDLL(None)
        if libc.mallopt(m_mmap_threshold, most):  # older ones refuse it
            libc.mallopt(m_trim_threshold, most)
