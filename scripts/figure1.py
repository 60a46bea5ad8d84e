"""The paper's figure 1: what pix2pix makes of greyed pictures of the style, and of photographs, beside ColorCUT.

figure1.py STYLE PHOTOGRAPHS COLORCUT [--pick NAME_OR_NUMBER...] [--pick_style NAME_OR_NUMBER...]: folders that test.py
wrote, with pix2pix on held-out pictures of the style, pix2pix on photographs, and ColorCUT on the same. Written is
OUT/figure1.png.
"""

from pathlib import Path

from grid import Block, OneLineParser, names_in, picked, positive, save, sheet


def main() -> None:
    """Draw both blocks, below each other."""
    parser = OneLineParser(description=__doc__)
    for folder in ("style", "photographs", "colorcut"):
        parser.add_argument(folder, type=Path)
    what = "names of {} without their ending, or numbers; default 6"
    parser.add_argument("--pick", nargs="*", help=what.format("photographs"))
    parser.add_argument("--pick_style", nargs="*", help=what.format("pictures of the style"))
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--size", type=positive, default=160, help="side of each picture in pixels")
    args = parser.parse_args()

    style, photographs, colorcut = (folder / "images" for folder in (args.style, args.photographs, args.colorcut))
    upper = {"grey": style / "real_A", "pix2pix": style / "fake_B", "truth": style / "real_B"}
    lower = {"grey": photographs / "real_A", "pix2pix": photographs / "fake_B", "ColorCUT": colorcut / "fake_B"}
    blocks = [block("held-out pictures of the style", upper, args.pick_style), block("photographs", lower, args.pick)]
    save(sheet(blocks, args.size), args.out / "figure1.png")


def block(heading: str, rows: dict[str, Path], picks: list[str] | None) -> Block:
    """Return a block with a row for each folder of pictures and a column for each picture picked."""
    names = picked(names_in(rows["grey"]), picks)
    cells = [[folder / f"{name}.png" for name in names] for folder in rows.values()]
    return Block(cells, heading, rows=list(rows))


if __name__ == "__main__":
    main()
