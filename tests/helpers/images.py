"""Images and data roots, the same whenever a test runs."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return an image (H, W, 3) of random bytes."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(pixels: np.ndarray | Image.Image, path: Path, **keywords: object) -> Path:
    """Write an image file, with its folders; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **keywords)
    return path


def read(path: Path) -> np.ndarray:
    """Return an image file as (H, W, 3) bytes."""
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"))


def make_dataroot(root: Path, *folders: str, images: list[np.ndarray] | None = None) -> Path:
    """Fill each folder with these images, or with 4 different ones of 40x48, as 0.png and so on; return the root."""
    for first, folder in enumerate(folders):
        for number, pixels in enumerate(images or [noise(40, 48, seed=4 * first + k) for k in range(4)]):
            save(pixels, root / folder / f"{number}.png")
    return root


def damage(path: Path) -> Path:
    """Cut a file off after 1000 bytes; return its path."""
    path.write_bytes(path.read_bytes()[:1000])
    return path
