"""Free memory and peak memory."""

import os
import shutil
import sys
from pathlib import Path

import torch

_SHARED = Path("/dev/shm")  # where torch keeps memory that processes share, on Linux


def free(shared: bool) -> tuple[int, str]:
    """Return how many bytes this process can still allocate, and the name of what limits it.

    Outside of Linux it is all memory of the machine, or 0 if the system does not report it.

    Args: shared: for memory shared between processes, of which a container has 64 MB by default.
    """
    places = [(min([_unused(), *limits(), *_address_space()]), "memory")]
    if shared and _SHARED.is_dir():
        places.append((shutil.disk_usage(_SHARED).free, f"{_SHARED} (docker: --shm-size)"))
    return min(places)


def free_on(device: torch.device) -> tuple[int, str]:
    """Return how many bytes can still be allocated on a device, and the name of that memory.

    Where the system does not report it, that is sys.maxsize.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], "the GPU's memory"
    return free(shared=False) if _unused() else (sys.maxsize, "memory")


def _address_space() -> list[int]:
    """Return what `ulimit -v` leaves of the address space, if it limits that; only Linux tells what is used."""
    used = Path("/proc/self/statm")
    if not used.is_file():
        return []
    import resource  # which Windows lacks

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = int(used.read_text().split()[0])
    return [] if limit == resource.RLIM_INFINITY else [max(0, limit - pages * resource.getpagesize())]


def _unused() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0


def limits(mounted: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Return the memory limits, in bytes, of the control group of this process and of its parents.

    Args: mounted: the file system of control groups, version 2 or 1; own: the file that names this process's group.
    """
    found: list[int] = []
    for line in own.read_text().splitlines() if own.is_file() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = mounted, "memory.max"
        elif controllers == "memory":
            root, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        files = [folder / name for folder in (group, *group.parents) if folder.is_relative_to(root)]
        texts = [file.read_text().strip() for file in files if file.is_file()]
        found += [int(text) for text in texts if text != "max"]
    return found


def peak_memory(device: torch.device) -> int:
    """Return the peak memory so far in bytes: what torch allocated on a GPU, else that of the whole process."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated()
    import resource  # which Windows lacks

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
