"""The random number generators: seeds, and a state that can be saved and restored."""

import random

import numpy as np
import torch


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
    if state.get("cuda") is not None and device is not None and device.type == "cuda":
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
