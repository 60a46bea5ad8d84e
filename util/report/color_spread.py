"""How varied the generated colors are, and those of the style: gathered during training, in CIELAB."""

import functools
from collections.abc import Callable

import torch

_GRID = 32  # pixels kept of an image: GRID x GRID, evenly spaced


class ColorSpread:
    """Keeps some pixels of the latest images on their device; statistics are computed when they are read."""

    def __init__(self, rgb_to_lab: Callable[[torch.Tensor], torch.Tensor], max_images: int = 64):
        """Set up without images.

        Args:
            rgb_to_lab: from images (N, 3, H, W) in [-1, 1] to CIELAB of the same shape.
            max_images: how many of the latest images a reading covers.
        """
        self.rgb_to_lab, self.max_images = rgb_to_lab, max_images
        self.latest: dict[str, list[torch.Tensor]] = {"": [], "style_": []}

    def add(self, painted: torch.Tensor, style: torch.Tensor) -> None:
        """Take the images (N, 3, H, W) in [-1, 1] of one step, without waiting for the device."""
        for kept, images in zip(self.latest.values(), (painted, style), strict=True):
            kept.append(_subsample(images.detach()[-self.max_images :]))
            while sum(map(len, kept)) > self.max_images:
                del kept[0]

    def read(self) -> dict[str, float]:
        """Return the statistics of the latest images; names of the style's begin with `style_`. Waits for the device.

        In Lab units: `spread_a` and `spread_b` are standard deviations over the pixels of an image, averaged over
        images; `spread_between` is that of the mean colors of images. `spread_least` tells one tone from several: the
        standard deviation within images along the direction in the plane of a and b in which it is smallest.
        """
        read = {}
        for prefix, kept in self.latest.items():
            if kept:
                read |= {prefix + name: value for name, value in _statistics(self.rgb_to_lab(torch.cat(kept))).items()}
        return read


def _subsample(images: torch.Tensor) -> torch.Tensor:
    """Return GRID x GRID evenly spaced pixels: (N, 3, GRID, GRID)."""
    rows, columns = (_positions(side, images.device) for side in images.shape[2:])
    return images[:, :, rows[:, None], columns]


@functools.lru_cache(maxsize=16)  # on a GPU `add` would otherwise launch more kernels for these than for all the rest
def _positions(side: int, device: torch.device) -> torch.Tensor:
    return torch.linspace(0, side - 1, _GRID, device=device).round().long()


def _statistics(lab: torch.Tensor) -> dict[str, float]:
    ab = lab[:, 1:].flatten(2)  # (N, 2, P)
    means = ab.mean(2, keepdim=True)
    spread = ab.std(2, correction=0).mean(0)
    between = means.var(0, correction=0).sum().sqrt()
    (var_a, covariance), (_, var_b) = torch.cov((ab - means).transpose(0, 1).flatten(1), correction=0)
    smaller_eigenvalue = (var_a + var_b) / 2 - torch.hypot((var_a - var_b) / 2, covariance)
    values = torch.stack([*spread, smaller_eigenvalue.clamp_min(0).sqrt(), between]).tolist()
    return dict(zip(("spread_a", "spread_b", "spread_least", "spread_between"), values, strict=True))
