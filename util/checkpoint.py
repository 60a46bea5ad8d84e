"""Checkpoint files, written atomically, checked when they are read, and read without running code."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from util.errors import UserError, first_line, lack_of_resources
from util.files import is_failure, replacing


def save_atomically(content: object, path: Path, before: Callable[[], None] | None = None) -> None:
    """Write with torch.save. At any instant `path` holds either the old content or the new, whole.

    Args: before: is called when the new file is complete, just before it replaces the old one.
    Raises:
        OSError: if the disk is full, or the file cannot be written.
    """
    with replacing(path, before) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # torch's writer hides what the system said
            if isinstance(error.__context__, OSError):
                raise OSError(error.__context__.errno, error.__context__.strerror, str(path)) from None
            raise


def load(path: Path, device: torch.device | str = "cpu") -> object:
    """Read what torch.save wrote: tensors and plain types only, never code. Every checksum in the file is verified.

    Raises:
        UserError: if the file is missing, damaged, or holds anything else.
        OSError, MemoryError, RuntimeError: if it cannot be read now, because of the disk or the memory.
    """
    if not path.is_file():
        found = sorted(p.name for p in path.parent.glob("*.pth")) if path.parent.is_dir() else []
        there = f"there are {', '.join(found)}" if found else "that folder holds no checkpoint"
        raise UserError(f"no checkpoint {path}; {there}")
    try:
        _verify(path)
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        if is_failure(error):
            raise OSError(error.errno, error.strerror, str(path)) from error
        if lack_of_resources(error):
            raise
        raise UserError(f"{path} is not a readable checkpoint: {first_line(error)}") from error


def _verify(path: Path) -> None:
    """Raise a ValueError if a part of the file differs from its checksum, which torch.save writes and does not read.

    Files from before torch 1.6 have no checksums.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            return
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise ValueError(f"it is damaged: {damaged} differs from its checksum")
