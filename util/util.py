"""Small helpers that have no better home."""

import argparse
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def str2bool(value: str | bool) -> bool:
    """Read a flag's value as a truth value; for argparse's `type`.

    Raises:
        argparse.ArgumentTypeError: for anything that is not a usual spelling of true or false.
    """
    if isinstance(value, bool):
        return value
    word = value.lower()
    if word in {"yes", "true", "t", "y", "1"}:
        return True
    if word in {"no", "false", "f", "n", "0"}:
        return False
    raise argparse.ArgumentTypeError(f"'{value}' is neither true nor false")


def copyconf(opt: Namespace, **changes: object) -> Namespace:
    """Return a copy of the options with some of them changed."""
    return Namespace(**{**vars(opt), **changes})


def crossed(interval: int, before: int, after: int) -> bool:
    """Tell whether a multiple of `interval` lies in (before, after]; never for an interval of 0 or less."""
    return interval > 0 and before // interval != after // interval


def tensor2im(images: torch.Tensor) -> np.ndarray:
    """Turn the first picture of a batch into bytes.

    Args:
        images: (N, 1 or 3, H, W) in [-1, 1]; values outside are clipped.
    Returns:
        (H, W, 3) uint8.
    """
    image = images.detach()[0].float().clamp(-1, 1).cpu()
    if image.shape[0] == 1:
        image = image.expand(3, -1, -1)
    # Rounded: truncation would darken every picture by half a step and break 8-bit round trips.
    return ((image + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def save_image(image: np.ndarray, path: str | Path) -> None:
    """Write an (H, W, 3) uint8 picture, making its folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
