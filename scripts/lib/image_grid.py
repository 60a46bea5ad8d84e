"""One labeled grid of images, for the figures and the contact sheet, and which images are picked for it."""

from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from util.errors import UsageError, UserError

GAP = 4  # pixels between images


@dataclass
class Block:
    """Rows of image files below a heading, with titles above the columns and at the left of the rows.

    A cell that is None stays empty.
    """

    cells: list[list[Path | None]]
    heading: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)


def names_in(folder: Path) -> list[str]:
    """Return the names of the images below a folder without their ending, sorted; a UserError if there are none."""
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.png"))
    if not names:
        raise UserError(f"no image in {folder}")
    return names


def pick(names: list[str], picks: list[str] | None) -> list[str]:
    """Return the images that are picked by name, or else by number from 1; without picks the first six."""
    numbered = {str(number): name for number, name in enumerate(names, 1)} | {name: name for name in names}
    for word in picks or []:
        if word not in numbered:
            raise UsageError(f"no image {word}: expected a name such as {names[0]}, or a number from 1 to {len(names)}")
    return [numbered[word] for word in picks or names[:6]]


def check_exists(path: Path) -> Path:
    """Return the path; a UserError if it is not a file."""
    if not path.is_file():
        raise UserError(f"no image {path}")
    return path


def tile(path: Path, size: int) -> Image.Image:
    """Return an image in RGB, its middle square scaled to `size` pixels."""
    with Image.open(check_exists(path)) as file:
        return ImageOps.fit(file.convert("RGB"), (size, size))


def draw_grid(blocks: list[Block], size: int) -> Image.Image:
    """Return the blocks below each other, each image `size` pixels wide and high; the images end at the right edge."""
    font, large_font = ImageFont.load_default(max(9, size // 10)), ImageFont.load_default(max(10, size // 8))
    line, step = 2 * max(9, size // 10), size + GAP
    images_width = step * max(len(row) for block in blocks for row in block.cells) - GAP
    margin = max((round(font.getlength(title)) + 3 * GAP for block in blocks for title in block.rows), default=0)
    width = max(margin + images_width, *(round(large_font.getlength(block.heading)) + 1 for block in blocks))
    left = width - images_width
    heights = [line * ((b.heading != "") + (b.columns != [])) + step * len(b.cells) + GAP for b in blocks]
    grid = Image.new("RGB", (width, sum(heights) - 2 * GAP), "white")
    draw = ImageDraw.Draw(grid)
    top = 0
    for block in blocks:
        if block.heading:
            start = min(left, width - round(large_font.getlength(block.heading)) - 1)
            draw.text((start, top + line // 2), block.heading, "black", large_font, "lm")
            top += line
        if block.columns:
            for number, title in enumerate(block.columns):
                draw.text((left + number * step + size // 2, top + line // 2), title, "black", font, "mm")
            top += line
        for title, paths in zip(block.rows or [""] * len(block.cells), block.cells, strict=True):
            draw.text((left - 2 * GAP, top + size // 2), title, "black", font, "rm")
            for column, path in enumerate(paths):
                if path:
                    grid.paste(tile(path, size), (left + column * step, top))
            top += step
        top += GAP
    return grid


def save_figure(image: Image.Image, path: Path) -> None:
    """Write a figure, create its folder if needed, and print its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=85)
    print(f"the figure is {path}")
