"""Put test images below their gray sources in one image.

python -m scripts.paper.contact_sheet results/NAME/test_latest OUT.jpg
"""

from pathlib import Path

from options.parser import OneLineParser
from scripts.lib.arguments import positive
from scripts.lib.image_grid import Block, draw_grid, names_in, pick, save_figure
from util.errors import run


def main() -> None:
    """Lay the pairs out and save."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pick", nargs="*", help="names of images without their ending, or numbers; default: all")
    parser.add_argument("--visuals", nargs="+", default=["real_A", "fake_B"], help="folders of images/, top to bottom")
    parser.add_argument("--columns", type=positive, default=6)
    parser.add_argument("--size", type=positive, default=160, help="side of each image in pixels")
    args = parser.parse_args()

    folders = [args.results / "images" / visual for visual in args.visuals]
    names = names_in(folders[0])
    picked = pick(names, args.pick or names)
    bands = [picked[start : start + args.columns] for start in range(0, len(picked), args.columns)]
    blocks = [Block([[folder / f"{name}.png" for name in band] for folder in folders]) for band in bands]
    save_figure(draw_grid(blocks, args.size), args.out)


if __name__ == "__main__":
    run(main)
