"""What the colors of a place depend on beside its neighborhood: height in the image, local and overall lightness."""

import torch
import torch.nn.functional as F
from torch import nn

from models.color_losses import to_grayscale

CHANNELS = 6
_GRID = 8  # local lightness: means over GRID x GRID parts of the image


def context_of(images: torch.Tensor) -> torch.Tensor:
    """Return six maps of each image, all in about [-1, 1]: (N, 3, H, W) in [-1, 1] -> (N, 6, H, W).

    Height y in the image, or in the crop of it, from -1 (top) to 1, and its square; the luma averaged over 8x8 parts of
    the image and interpolated; the luma of the pixel; mean and standard deviation of the luma of the whole image.
    """
    n, _, height, width = images.shape
    luma = to_grayscale(images)[:, :1]
    rows = torch.linspace(-1, 1, height, device=images.device, dtype=images.dtype).view(1, 1, height, 1)
    local = F.interpolate(F.adaptive_avg_pool2d(luma, _GRID), (height, width), mode="bilinear", align_corners=False)
    overall = [luma.mean((2, 3), keepdim=True), luma.std((2, 3), keepdim=True, correction=0)]
    maps = [rows, rows**2, local, luma, *overall]
    return torch.cat([one.expand(n, 1, height, width) for one in maps], 1)


class ContextBranch(nn.Module):
    """Two 1x1 convolutions from the context to features that are added to those of the generator."""

    def __init__(self, channels: int, hidden: int = 64):
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(CHANNELS, hidden, 1), nn.ReLU(True), nn.Conv2d(hidden, channels, 1))

    def forward(self, context: torch.Tensor, size: torch.Size) -> torch.Tensor:
        """Context (N, 6, H, W) -> (N, channels, *size), averaged to that size first."""
        if context.shape[2:] != size:
            context = F.adaptive_avg_pool2d(context, size)
        return self.model(context)
