"""What the scripts of the figures share: the rows' titles, picks of pictures, and pictures in a labelled grid."""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from PIL import Image, ImageDraw, ImageFont, ImageOps

GAP = 4  # pixels between pictures
FIRST = 6  # pictures shown where none are picked
# The scripts of the paper's rows, and what a figure calls them.
TITLES = {
    "cut": "CUT",
    "cut_tv": "CUT + TV",
    "cut_tv_l1": "CUT + TV + L1",
    "colorcut": "ColorCUT",
    "fastcut": "FastCUT",
    "cyclegan": "CycleGAN",
    "pix2pix": "pix2pix",
}


class OneLineParser(argparse.ArgumentParser):
    """argparse that ends in one line instead of the usage."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        sys.exit(f"error: {message.removeprefix('argument ')}")


def positive(text: str) -> int:
    """Read a number of 1 or more; for argparse's `type`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, not {text}")
    return int(text)


@dataclass
class Block:
    """Files of pictures in rows, under a heading; titles of columns stand above, those of rows to the left."""

    cells: list[list[Path]]
    heading: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)


def names_in(folder: Path) -> list[str]:
    """Return the pictures below a folder without their ending, sorted."""
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.png"))
    if not names:
        sys.exit(f"error: no picture in {folder}")
    return names


def picked(names: list[str], picks: list[str] | None) -> list[str]:
    """Return the names that are picked by name, or else by number from 1; without picks the first ones."""
    if not picks:
        return names[:FIRST]
    numbered = {str(number): name for number, name in enumerate(names, 1)} | {name: name for name in names}
    for pick in picks:
        if pick not in numbered:
            numbers = f"a number from 1 to {len(names)}"
            sys.exit(f"error: no picture {pick}: expected a name such as {names[0]}, or {numbers}")
    return [numbered[pick] for pick in picks]


def existing(path: Path) -> Path:
    """Return the path if there is such a file, else end the program."""
    if not path.is_file():
        sys.exit(f"error: no picture {path}")
    return path


def tile(path: Path, size: int) -> Image.Image:
    """Return a picture in RGB, its middle square scaled to `size` pixels."""
    with Image.open(existing(path)) as file:
        return ImageOps.fit(file.convert("RGB"), (size, size))


def sheet(blocks: list[Block], size: int) -> Image.Image:
    """Lay blocks out below each other, pictures `size` pixels wide and high; rows end at the right edge."""
    font, large = ImageFont.load_default(max(9, size // 10)), ImageFont.load_default(max(10, size // 8))
    line, step = 2 * max(9, size // 10), size + GAP
    pictures = step * max(len(row) for block in blocks for row in block.cells) - GAP
    headings = [round(large.getlength(block.heading)) + 1 for block in blocks]
    margin = max((round(font.getlength(row)) + 3 * GAP for block in blocks for row in block.rows), default=0)
    margin = max(margin, *(heading - pictures for heading in headings))
    heights = [line * (bool(block.heading) + bool(block.columns)) + step * len(block.cells) for block in blocks]
    image = Image.new("RGB", (margin + pictures, sum(heights) + line * (len(blocks) - 1) - GAP), "white")
    draw = ImageDraw.Draw(image)
    top = 0
    for block, height, heading in zip(blocks, heights, headings, strict=True):
        first = top + height - step * len(block.cells)
        left = min(margin, image.width - heading)
        draw.text((left, top + line // 2), block.heading, "black", large, "lm")
        for number, title in enumerate(block.columns):
            draw.text((margin + number * step + size // 2, first - line // 2), title, "black", font, "mm")
        for row, paths in enumerate(block.cells):
            if block.rows:
                draw.text((margin - 2 * GAP, first + row * step + size // 2), block.rows[row], "black", font, "rm")
            for column, path in enumerate(paths):
                image.paste(tile(path, size), (margin + column * step, first + row * step))
        top += height + line
    return image


def save(image: Image.Image, path: Path) -> None:
    """Write a figure, making its folder, and say where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    print(f"the figure is {path}")
