"""Small helpers, most of them under CUT's names."""

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:  # colorize.py with an exported model runs without torch
    import torch


def str2bool(value: str | bool) -> bool:
    """Convert the value of a flag to a bool; for argparse's `type`.

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


def source_and_style(opt: Namespace) -> tuple[str, str]:
    """Return the letters of the source and of the style domain: A and B for --direction AtoB, else B and A."""
    return ("A", "B") if opt.direction == "AtoB" else ("B", "A")


def crossed(interval: int, before: int, after: int) -> bool:
    """Return True if a multiple of `interval` is in (before, after]; always False for an interval of 0 or less."""
    return interval > 0 and before // interval != after // interval


def tensor2im(images: "torch.Tensor") -> np.ndarray:
    """Convert the first image of a batch to 8 bits.

    Args:
        images: (N, 1 or 3, H, W) in [-1, 1]; values outside are clipped.
    Returns:
        (H, W, 3) uint8.
    """
    image = images.detach()[0].float().clamp(-1, 1).cpu()
    if image.shape[0] == 1:
        image = image.expand(3, -1, -1)
    # Rounded: truncation would darken every image by half a step and break 8-bit round trips.
    return ((image + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def save_image(image: np.ndarray, path: str | Path) -> None:
    """Write an image (H, W, 3) uint8, and create its folder. An OSError names the file, of which no part is left."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        Image.fromarray(image).save(path)
    except OSError as error:
        Path(path).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
