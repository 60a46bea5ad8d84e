"""How varied the generated colors are, and those of the style: gathered during training, in CIELAB."""

import functools

import numpy as np
import torch

_GRID = 16  # pixels kept of an image: GRID x GRID, evenly spaced; with more of them a reading would take long


class ColorSpread:
    """Keeps some pixels of the latest images on their device; statistics are computed when they are read."""

    def __init__(self, max_images: int = 64):
        """Args: max_images: how many of the latest images a reading covers."""
        self.max_images = max_images
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
                read |= {prefix + name: value for name, value in _statistics(torch.cat(kept)).items()}
        return read


def _subsample(images: torch.Tensor) -> torch.Tensor:
    """Return GRID x GRID evenly spaced pixels: (N, 3, GRID, GRID)."""
    rows, columns = (_positions(side, images.device) for side in images.shape[2:])
    return images[:, :, rows[:, None], columns]


@functools.lru_cache(maxsize=16)  # on a GPU `add` would otherwise launch more kernels for these than for all the rest
def _positions(side: int, device: torch.device) -> torch.Tensor:
    return torch.linspace(0, side - 1, _GRID, device=device).round().long()


def _statistics(images: torch.Tensor) -> dict[str, float]:
    from skimage.color import rgb2lab  # takes 0.3 s, which a run that prints no losses saves

    rgb = images.float().add(1).div(2).clamp(0, 1).cpu().numpy()
    ab = rgb2lab(rgb, channel_axis=1)[:, 1:].reshape(len(rgb), 2, -1)  # (N, 2, P)
    means = ab.mean(2, keepdims=True)
    spread_a, spread_b = ab.std(2).mean(0)
    (var_a, covariance), (_, var_b) = np.cov((ab - means).transpose(1, 0, 2).reshape(2, -1), bias=True)
    smaller_eigenvalue = (var_a + var_b) / 2 - np.hypot((var_a - var_b) / 2, covariance)
    least = np.sqrt(np.maximum(smaller_eigenvalue, 0))
    between = np.sqrt(means.var(0).sum())
    values = {"spread_a": spread_a, "spread_b": spread_b, "spread_least": least, "spread_between": between}
    return {name: float(value) for name, value in values.items()}
