"""Checkpoint files, written atomically and read without running code."""

from pathlib import Path

import torch

from util.errors import UserError
from util.files import replacing


def save_atomically(content: object, path: Path) -> None:
    """Write with torch.save. At any instant `path` holds either the old content or the new, whole."""
    with replacing(path) as file:
        torch.save(content, file)


def load(path: Path, device: torch.device | str = "cpu") -> object:
    """Read what torch.save wrote: tensors and plain types only, never code.

    Raises:
        UserError: if the file is missing, damaged, or holds anything else.
    """
    if not path.is_file():
        found = sorted(p.name for p in path.parent.glob("*.pth")) if path.parent.is_dir() else []
        there = f"there are {', '.join(found)}" if found else "that folder holds no checkpoint"
        raise UserError(f"no checkpoint {path}; {there}")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path} is not a readable checkpoint: {reason}") from error
