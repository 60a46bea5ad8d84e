"""The paper's figure 1: pix2pix on held-out images of the style and on photographs, beside ColorCUT.

figure1.py STYLE PHOTOGRAPHS COLORCUT [--pick NAME_OR_NUMBER...] [--pick_style NAME_OR_NUMBER...]: folders that test.py
wrote, for pix2pix on the style, pix2pix on photographs, and ColorCUT on the same photographs. The figure goes to
OUT/figure1.png.
"""

from pathlib import Path

from options.parser import OneLineParser
from scripts.lib.arguments import add_figure_flags
from scripts.lib.image_grid import Block, draw_grid, names_in, pick, save_figure
from util.errors import run


def main() -> None:
    """Draw both blocks, below each other."""
    parser = OneLineParser(description=__doc__)
    for folder in ("style", "photographs", "colorcut"):
        parser.add_argument(folder, type=Path)
    parser.add_argument("--pick_style", nargs="*", help="as --pick, for the images of the style")
    add_figure_flags(parser)
    args = parser.parse_args()

    style, photographs, colorcut = (folder / "images" for folder in (args.style, args.photographs, args.colorcut))
    upper = {"gray": style / "real_A", "pix2pix": style / "fake_B", "truth": style / "real_B"}
    lower = {"gray": photographs / "real_A", "pix2pix": photographs / "fake_B", "ColorCUT": colorcut / "fake_B"}
    blocks = [block("held-out images of the style", upper, args.pick_style), block("photographs", lower, args.pick)]
    save_figure(draw_grid(blocks, args.size), args.out / "figure1.png")


def block(heading: str, rows: dict[str, Path], picks: list[str] | None) -> Block:
    """Return a block with a row for each folder of images and a column for each image picked."""
    names = pick(names_in(rows["gray"]), picks)
    return Block([[folder / f"{name}.png" for name in names] for folder in rows.values()], heading, rows=list(rows))


if __name__ == "__main__":
    run(main)
