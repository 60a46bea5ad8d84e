"""Put images of the same name from several folders below each other in one image.

python -m scripts.paper.contact_sheet OUT.jpg results/NAME/test_latest/images/{real_A,fake_B}
"""

from pathlib import Path

from options.parser import OneLineParser
from scripts.lib.arguments import positive
from scripts.lib.image_grid import Block, draw_grid, names_in, pick, save_figure
from util.errors import run


def main() -> None:
    """Lay the pairs out and save."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folders of PNG images, top to bottom")
    parser.add_argument("--pick", nargs="*", help="names of images without their ending, or numbers; default: all")
    parser.add_argument("--columns", type=positive, default=6)
    parser.add_argument("--size", type=positive, default=160, help="side of each image in pixels")
    args = parser.parse_args()

    names = names_in(args.folders[0])
    picked = pick(names, args.pick or names)
    bands = [picked[start : start + args.columns] for start in range(0, len(picked), args.columns)]
    blocks = [Block([[folder / f"{name}.png" for name in band] for folder in args.folders]) for band in bands]
    save_figure(draw_grid(blocks, args.size), args.out)


if __name__ == "__main__":
    run(main)
