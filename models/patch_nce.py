"""The contrastive loss of CUT."""

import torch
import torch.nn.functional as F

from models.precision import full_precision


def patch_nce(
    queries: torch.Tensor, keys: torch.Tensor, temperature: float = 0.07, images_per_group: int = 1
) -> torch.Tensor:
    """Return the PatchNCE loss: cross entropy of each query's own key against the others (Park et al. 2020, eq. 3, 4).

    The positive of query i is key i. Its negatives are the other keys of the same image, or of a group of images.

    Args:
        queries, keys: unit vectors (N, P, C) of P patches; no gradient reaches the keys.
        images_per_group: how many neighboring images of the batch share their negatives; a divisor of N.
    Returns:
        (N,), the mean over the patches of each image.
    """
    n, p, c = queries.shape
    keys = keys.detach()
    queries, keys = (x.reshape(-1, images_per_group * p, c) for x in (queries, keys))
    with full_precision(queries.device):
        logits = torch.bmm(queries, keys.transpose(1, 2)) / temperature  # (groups, patches, patches)
    # CUT's cross entropy also counts exp(-10 / temperature) for each query: 1e-62, below the resolution of any float.
    positives = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[0], -1)
    losses = F.cross_entropy(logits.flatten(0, 1), positives.flatten(), reduction="none")
    return losses.view(n, p).mean(1)
