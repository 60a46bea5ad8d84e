"""The contrastive loss of CUT."""

import torch
import torch.nn.functional as F

from models.precision import full_precision


def patch_nce(queries: torch.Tensor, keys: torch.Tensor, temperature: float = 0.07, pictures: int = 1) -> torch.Tensor:
    """Tell each query's own place among the others (Park et al. 2020, equations 3 and 4).

    The positive of query i is key i; its negatives are the other keys of the same picture, or of several.

    Args:
        queries, keys: unit vectors (N, P, C); keys carry no gradient.
        pictures: how many neighbours in the batch share their negatives; a divisor of N.
    Returns:
        (N,), the mean over each picture's places.
    """
    n, p, c = queries.shape
    keys = keys.detach()
    queries, keys = queries.reshape(-1, pictures * p, c), keys.reshape(-1, pictures * p, c)
    with full_precision(queries.device):
        logits = torch.bmm(queries, keys.transpose(1, 2)) / temperature  # (N / pictures, pictures P, pictures P)
    # Upstream's cross entropy also counts exp(-10 / temperature) once a query, 1e-62: below any float's reach.
    own = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[0], -1)
    losses = F.cross_entropy(logits.flatten(0, 1), own.flatten(), reduction="none")
    return losses.view(n, p).mean(1)
