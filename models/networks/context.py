"""What the colors of a place depend on beside its neighborhood: height in the image, local and overall lightness."""

import torch
import torch.nn.functional as F
from torch import nn

from models.color_losses import to_grayscale
from models.precision import full_precision

CHANNELS = 6
_GRID = 8  # local lightness: means over GRID x GRID parts of the image


def context_of(images: torch.Tensor) -> torch.Tensor:
    """Return six maps of each image, all in about [-1, 1]: (N, 3, H, W) in [-1, 1] -> (N, 6, H, W).

    Height y in the image, or in the crop of it, from -1 (top) to 1, and its square; the luma averaged over 8x8 parts of
    the image and interpolated; the luma of the pixel; mean and standard deviation of the luma of the whole image.
    """
    luma = to_grayscale(images)[:, :1]
    return context_of_part(luma, ImageSummary(luma), 0, 0)


class ImageSummary:
    """What the context of any part of an image needs of the whole of it.

    Attributes:
        size: height and width.
        grid: mean luma of 8x8 parts, (N, 1, 8, 8).
        overall: mean and standard deviation of the luma, (N, 1, 1, 1) each.
    """

    def __init__(self, luma: torch.Tensor):
        """Args: luma: of the whole image, (N, 1, H, W) in [-1, 1]."""
        self.size = luma.shape[2:]
        rows, columns = (_part_weights(side, luma.device, luma.dtype) for side in self.size)
        with full_precision(luma.device):
            self.grid = rows @ luma @ columns.T
        self.overall = [luma.mean((2, 3), keepdim=True), luma.std((2, 3), keepdim=True, correction=0)]

    def local(self, height: int, width: int, top: int, left: int) -> torch.Tensor:
        """Return the grid interpolated to the size of the image, of which the part of this place and size."""
        if (height, width) == self.size:
            return F.interpolate(self.grid, self.size, mode="bilinear", align_corners=False)
        x, y = (((torch.arange(start, start + length, device=self.grid.device) + 0.5) * 2 / side - 1)
                for start, length, side in ((left, width, self.size[1]), (top, height, self.size[0])))  # fmt: skip
        places = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1).to(self.grid.dtype)
        places = places.expand(len(self.grid), -1, -1, -1)
        return F.grid_sample(self.grid, places, mode="bilinear", padding_mode="border", align_corners=False)


def context_of_part(luma: torch.Tensor, whole: ImageSummary, top: int, left: int) -> torch.Tensor:
    """Return the maps of `context_of` in a part of an image.

    Args:
        luma: of the part, (N, 1, h, w) in [-1, 1].
        whole: of the images that the parts are from.
        top, left: of the part in its image, in pixels.
    """
    n, _, height, width = luma.shape
    rows = torch.arange(whole.size[0], device=luma.device, dtype=luma.dtype)[top : top + height].view(1, 1, height, 1)
    rows = rows * 2 / max(1, whole.size[0] - 1) - 1
    maps = [rows, rows**2, whole.local(height, width, top, left), luma, *whole.overall]
    return torch.cat([one.expand(n, 1, height, width) for one in maps], 1)


def _part_weights(side: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Return the matrix (8, side) that averages a side over 8 parts, as adaptive_avg_pool2d does.

    adaptive_avg_pool2d cannot be exported for images of any size.
    """
    part, place = torch.arange(_GRID, device=device)[:, None], torch.arange(side, device=device)
    first, after = part * side // _GRID, ((part + 1) * side + _GRID - 1) // _GRID
    return ((place >= first) & (place < after)).to(dtype) / (after - first)


class ContextBranch(nn.Module):
    """Two 1x1 convolutions from the context to features that are added to those of the generator."""

    def __init__(self, channels: int, factor: int, hidden: int = 64):
        """Args: factor: by which the features are smaller than the image, whose sides are multiples of it."""
        super().__init__()
        self.factor = factor
        self.model = nn.Sequential(nn.Conv2d(CHANNELS, hidden, 1), nn.ReLU(True), nn.Conv2d(hidden, channels, 1))

    def forward(self, context: torch.Tensor) -> torch.Tensor:
        """Context (N, 6, H, W) -> (N, channels, H / factor, W / factor), averaged to that size first."""
        return self.model(F.avg_pool2d(context, self.factor) if self.factor > 1 else context)
