"""Put test pictures and their greyed sources into one picture: contact_sheet.py results/NAME/test_latest OUT.jpg.

Each pair is a column: the source above, the painted picture below.
"""

import argparse
from pathlib import Path

from grid import GAP, names_in, tile
from PIL import Image


def main() -> None:
    """Lay the pairs out and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pick", nargs="*", help="names of pictures without their ending; default all")
    parser.add_argument("--visuals", nargs="+", default=["real_A", "fake_B"], help="folders of images/, top to bottom")
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--size", type=int, default=160, help="side of each picture in pixels")
    args = parser.parse_args()

    first = args.results / "images" / args.visuals[0]
    names = args.pick or names_in(first)
    columns = min(args.columns, len(names))
    step, band = args.size + GAP, (args.size + GAP) * len(args.visuals) + GAP
    sheet = Image.new("RGB", (columns * step - GAP, -(-len(names) // columns) * band - 2 * GAP), "white")
    for number, name in enumerate(names):
        for row, visual in enumerate(args.visuals):
            picture = tile(args.results / "images" / visual / f"{name}.png", args.size)
            sheet.paste(picture, (number % columns * step, number // columns * band + row * step))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(args.out, quality=85)


if __name__ == "__main__":
    main()
