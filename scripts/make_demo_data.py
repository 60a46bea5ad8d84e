"""Make the data set of scripts/demo.sh from pictures that come with scikit-image: make_demo_data.py [FOLDER].

The style is a cup of coffee, cut into 24 blocks; a quarter of them, drawn at random, is held out. The pictures to
colour are grey: an astronaut, a cat and a rocket in overlapping tiles to train on; a tissue slice and a motorcycle
held out.
"""

import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

# In pixels; all is small, so that a crop of 64x64 shows more than a detail.
STYLE_SIZE, BLOCK = (432, 288), 72
SHORTER_SIDE, TILE, STRIDE = 128, 72, 28


def main() -> None:
    """Write trainA, trainB, testA and testB."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "datasets/demo")
    for name, pixels in {"astronaut": data.astronaut(), "cat": data.chelsea(), "rocket": data.rocket()}.items():
        save_tiles(small_and_gray(pixels), root / "trainA", name)
    for name, pixels in {"tissue": data.immunohistochemistry(), "motorcycle": data.stereo_motorcycle()[0]}.items():
        save(small_and_gray(pixels), root / "testA" / f"{name}.png")
    save_style_blocks(data.coffee(), root)


def save(image: Image.Image, path: Path) -> None:
    """Write a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def small_and_gray(pixels: np.ndarray) -> Image.Image:
    """Return a picture (H, W, 3) uint8 in grey, with its shorter side at SHORTER_SIDE."""
    image = Image.fromarray(pixels).convert("L")
    scale = SHORTER_SIDE / min(image.size)
    return image.resize([round(side * scale / 4) * 4 for side in image.size], Image.Resampling.LANCZOS)


def save_tiles(image: Image.Image, folder: Path, name: str) -> None:
    """Write overlapping tiles of a picture."""
    for top in range(0, image.height - TILE + 1, STRIDE):
        for left in range(0, image.width - TILE + 1, STRIDE):
            save(image.crop((left, top, left + TILE, top + TILE)), folder / f"{name}_{top:03d}_{left:03d}.png")


def save_style_blocks(pixels: np.ndarray, root: Path) -> None:
    """Cut a picture (H, W, 3) into blocks and write them to trainB and testB, none to both."""
    image = Image.fromarray(pixels).resize(STYLE_SIZE, Image.Resampling.LANCZOS)
    corners = [(top, left) for top in range(0, image.height, BLOCK) for left in range(0, image.width, BLOCK)]
    held_out = set(random.Random(0).sample(corners, len(corners) // 4))
    for top, left in corners:
        folder = root / ("testB" if (top, left) in held_out else "trainB")
        save(image.crop((left, top, left + BLOCK, top + BLOCK)), folder / f"coffee_{top:03d}_{left:03d}.png")


if __name__ == "__main__":
    main()
