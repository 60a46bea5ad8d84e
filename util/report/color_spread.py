"""How varied the colours are that a model paints, beside those of the style: gathered in training, in CIELAB."""

import functools

import torch

from models.color_losses import rgb_to_lab

_GRID = 32  # pixels of a picture that are kept: GRID x GRID of them, evenly spread


class ColorStatistics:
    """Keeps a few pixels of the latest pictures on the device; what they say is computed only when it is read."""

    def __init__(self, pictures: int = 64):
        """Args: pictures: how many of the latest ones a reading covers."""
        self.capacity = pictures
        self.latest: dict[str, list[torch.Tensor]] = {"": [], "style_": []}

    def see(self, painted: torch.Tensor, style: torch.Tensor) -> None:
        """Take pictures (N, 3, H, W) in [-1, 1] of one step: a copy each on the device, no waiting."""
        for kept, images in zip(self.latest.values(), (painted, style), strict=True):
            kept.append(_thinned(images.detach()[-self.capacity :]))
            while sum(map(len, kept)) > self.capacity:
                del kept[0]

    def read(self) -> dict[str, float]:
        """Return the statistics of the latest pictures, those of the style with `style_` before; waits for the device.

        In Lab units: `spread_a`, `spread_b` are standard deviations over the pixels of a picture, the mean of all
        pictures; `spread_between` is that of the pictures' mean colours. `spread_least` tells one tone from several:
        the standard deviation within pictures along the direction in the plane of a and b in which it is smallest.
        """
        read = {}
        for prefix, kept in self.latest.items():
            if kept:
                read |= {prefix + name: value for name, value in _statistics(torch.cat(kept)).items()}
        return read


def _thinned(images: torch.Tensor) -> torch.Tensor:
    """Return GRID x GRID evenly spread pixels: (N, 3, GRID, GRID)."""
    rows, columns = (_places(side, images.device) for side in images.shape[2:])
    return images[:, :, rows[:, None], columns]


@functools.lru_cache(maxsize=16)  # on a GPU this step would otherwise launch more kernels than all the rest of it
def _places(side: int, device: torch.device) -> torch.Tensor:
    return torch.linspace(0, side - 1, _GRID, device=device).round().long()


def _statistics(images: torch.Tensor) -> dict[str, float]:
    ab = rgb_to_lab(images)[:, 1:].flatten(2)  # (N, 2, P)
    means = ab.mean(2, keepdim=True)
    spread = ab.std(2, correction=0).mean(0)
    between = means.var(0, correction=0).sum().sqrt()
    deviations = (ab - means).transpose(0, 1).flatten(1)  # (2, N P)
    (var_a, covariance), (_, var_b) = torch.cov(deviations, correction=0)
    # The smaller eigenvalue of the symmetric 2x2 matrix.
    smaller = (var_a + var_b) / 2 - torch.hypot((var_a - var_b) / 2, covariance)
    least = smaller.clamp_min(0).sqrt()
    values = torch.stack([*spread, least, between]).tolist()
    return dict(zip(("spread_a", "spread_b", "spread_least", "spread_between"), values, strict=True))
