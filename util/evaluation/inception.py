"""FID and KID, from torch-fidelity, an extra. Nothing is downloaded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from util.checkpoint import load
from util.errors import UserError


class _Images(torch.utils.data.Dataset):
    def __init__(self, images: Sequence[np.ndarray]):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.images[index].copy()).permute(2, 0, 1)


def check_inception(weights: str) -> None:
    """Raise a UserError if torch-fidelity is not installed or the file of weights is no checkpoint."""
    try:
        import torch_fidelity  # noqa: F401
    except ImportError:
        raise UserError("--fid_weights needs torch-fidelity: pip install torch-fidelity") from None
    load(Path(weights))


def fid_and_kid(images: Sequence[np.ndarray], style: Sequence[np.ndarray], weights: str) -> dict[str, float]:
    """Return FID (Heusel et al. 2017) and KID (Binkowski et al. 2018) between two sets of images (H, W, 3) uint8.

    Args: weights: file of Inception's weights that torch-fidelity publishes.

    Raises:
        UserError: if torch-fidelity cannot use the file.
    """
    from torch_fidelity import calculate_metrics  # an extra

    subset = min(1000, len(images), len(style))
    try:
        found = calculate_metrics(
            input1=_Images(images), input2=_Images(style), fid=True, kid=True, kid_subset_size=subset, batch_size=1,
            cuda=torch.cuda.is_available(), verbose=False, save_cpu_ram=True, feature_extractor_weights_path=weights,
        )  # fmt: skip
    except (RuntimeError, KeyError, ValueError) as error:
        raise UserError(f"--fid_weights {weights}: torch-fidelity cannot use it: {error}") from None
    return {"fid": found["frechet_inception_distance"], "kid": found["kernel_inception_distance_mean"]}
