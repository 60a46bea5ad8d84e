"""The projection H of CUT: features of sampled patches, through a small MLP, normalized to length 1."""

import torch
from torch import nn

from models.precision import at_least_float32


class PatchSampleF(nn.Module):
    """One two-layer MLP for each tapped layer (`mlp_0`, `mlp_1`, ...), or none (`use_mlp=False`)."""

    def __init__(self, channels: list[int], use_mlp: bool = True, nc: int = 256):
        super().__init__()
        self.use_mlp = use_mlp
        if use_mlp:
            for number, count in enumerate(channels):
                mlp = nn.Sequential(nn.Linear(count, nc), nn.ReLU(), nn.Linear(nc, nc))
                self.add_module(f"mlp_{number}", mlp)

    @staticmethod
    def sample_patch_ids(features: list[torch.Tensor], num_patches: int) -> list[torch.Tensor]:
        """Sample up to `num_patches` distinct patch ids for each layer: indices (P,) into H*W, on the device."""
        sizes = [feature.shape[2] * feature.shape[3] for feature in features]
        device = features[0].device
        return [torch.randperm(size, device=device)[:num_patches] for size in sizes]

    def forward(self, features: list[torch.Tensor], patch_ids: list[torch.Tensor]) -> list[torch.Tensor]:
        """Project the features (N, C, H, W) of each layer at its patch ids (P,) or (N, P).

        Returns:
            Unit vectors (N, P, nc) for each layer; (N, P, C) without MLP.
        """
        projected = []
        for number, (feature, ids) in enumerate(zip(features, patch_ids, strict=True)):
            n, c = feature.shape[:2]
            index = ids.expand(n, -1)[:, None].expand(-1, c, -1)
            # gather keeps gradients in NCHW order; indexing a permuted view would return channels-last gradients.
            x = feature.flatten(2).gather(2, index).transpose(1, 2)  # (N, P, C)
            if self.use_mlp:
                x = self.get_submodule(f"mlp_{number}")(x)  # (N, P, nc)
            x = at_least_float32(x)
            # With small initial gains features are about as small as this 1e-7. CUT adds it to the length, so we do.
            projected.append(x / (torch.linalg.vector_norm(x, dim=-1, keepdim=True) + 1e-7))
        return projected
