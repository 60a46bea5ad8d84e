"""What survives a crash: checkpoints, written whole and read safely, and the random state of a run."""

import random
from pathlib import Path

import numpy as np
import torch

from util.errors import UserError
from util.files import replacing


def save_atomically(content: object, path: Path) -> None:
    """Write with torch.save so that at any instant `path` holds the old content or the new, whole."""
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


def random_state(device: torch.device | None = None) -> dict[str, object]:
    """Return the state of python's, numpy's, torch's, and a GPU's generators as tensors and plain types."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss),
        **torch_random_state(device),
    }


def torch_random_state(device: torch.device | None = None) -> dict[str, torch.Tensor | None]:
    """Return the state of torch's CPU generator, and of a GPU's."""
    on_gpu = device is not None and device.type == "cuda"
    return {"torch": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state(device) if on_gpu else None}


def set_random_state(state: dict[str, object], device: torch.device | None = None) -> None:
    """Restore what `random_state` returned."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, gauss))
    set_torch_random_state(state, device)


def set_torch_random_state(state: dict[str, torch.Tensor | None], device: torch.device | None = None) -> None:
    """Restore what `torch_random_state` returned."""
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and device is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


def seed_cpu(seed: int) -> None:
    """Seed python's, numpy's and torch's CPU generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.random.default_generator.manual_seed(seed)


def seed_everything(seed: int) -> None:
    """Seed all global generators, those of the accelerators included."""
    seed_cpu(seed)
    torch.manual_seed(seed)
