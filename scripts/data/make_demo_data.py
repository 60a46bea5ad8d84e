"""Make the dataset of scripts/demo.sh from images that come with scikit-image: make_demo_data.py [FOLDER].

The style is a cup of coffee, cut into 24 blocks, of which a random quarter is held out. The sources are gray: an
astronaut, a cat and a rocket in overlapping tiles for training; a tissue slice and a motorcycle for the test.
"""

import random
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from options.parser import OneLineParser
from util.errors import run
from util.util import save_image

# In pixels, all small, so that a crop of 64x64 shows more than a detail.
STYLE_SIZE, BLOCK = (432, 288), 72
SHORTER_SIDE, TILE, STRIDE = 128, 72, 28


def main() -> None:
    """Write trainA, trainB, testA and testB."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("datasets/demo"))
    root = parser.parse_args().folder
    for name, pixels in {"astronaut": data.astronaut(), "cat": data.chelsea(), "rocket": data.rocket()}.items():
        gray = small_and_gray(pixels)
        for top, left in corners(gray, STRIDE, TILE):
            tile = gray[top : top + TILE, left : left + TILE]
            save_image(tile, root / f"trainA/{name}_{top:03d}_{left:03d}.png")
    for name, pixels in {"tissue": data.immunohistochemistry(), "motorcycle": data.stereo_motorcycle()[0]}.items():
        save_image(small_and_gray(pixels), root / f"testA/{name}.png")

    style = np.asarray(Image.fromarray(data.coffee()).resize(STYLE_SIZE, Image.Resampling.LANCZOS))
    blocks = corners(style, BLOCK, BLOCK)
    held_out = set(random.Random(0).sample(blocks, len(blocks) // 4))
    for top, left in blocks:
        folder = "testB" if (top, left) in held_out else "trainB"
        block = style[top : top + BLOCK, left : left + BLOCK]
        save_image(block, root / folder / f"coffee_{top:03d}_{left:03d}.png")


def small_and_gray(pixels: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8 in gray (H, W), with its shorter side at SHORTER_SIDE."""
    image = Image.fromarray(pixels).convert("L")
    scale = SHORTER_SIDE / min(image.size)
    size = [round(side * scale / 4) * 4 for side in image.size]
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def corners(pixels: np.ndarray, stride: int, side: int) -> list[tuple[int, int]]:
    """Return the top left corners (y, x) of the squares that fit into an image (H, W, ...), `stride` apart."""
    height, width = pixels.shape[:2]
    return [(top, left) for top in range(0, height - side + 1, stride) for left in range(0, width - side + 1, stride)]


if __name__ == "__main__":
    run(main)
