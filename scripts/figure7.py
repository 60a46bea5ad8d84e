"""Test pictures beside what each run made of them: figure7.py ROW=FOLDER... [--pick NAME_OR_NUMBER...].

FOLDER is what test.py wrote: results/NAME/test_latest. Written are OUT/figure7.png, with the pictures picked, and the
page OUT/figure7/index.html, with all of them.
"""

import shutil
import sys
from pathlib import Path

from grid import TITLES, Block, OneLineParser, existing, names_in, picked, positive, save, sheet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from util.report.html import Page


def main() -> None:
    """Draw the grid and write the page."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="ROW=FOLDER", help=f"ROW is one of {', '.join(TITLES)}")
    parser.add_argument("--pick", nargs="*", help="names of pictures without their ending, or numbers; default 6")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--size", type=positive, default=160, help="side of each picture in pixels")
    args = parser.parse_args()

    columns = columns_of(args.runs)
    names = names_in(columns["input"])
    cells = [[folder / f"{name}.png" for folder in columns.values()] for name in picked(names, args.pick)]
    titles = [TITLES.get(row, row) for row in columns]
    save(sheet([Block(cells, columns=titles)], args.size), args.out / "figure7.png")
    write_page(columns, names, args.out / "figure7")


def columns_of(runs: list[str]) -> dict[str, Path]:
    """Return the folders of pictures by row: first the input, as the first run saw it, then what each painted."""
    folders = dict(run.split("=", 1) for run in runs if "=" in run)
    unknown = [run for run in runs if run.split("=")[0] not in TITLES or "=" not in run]
    if unknown:
        sys.exit(f"error: {unknown[0]}: expected ROW=FOLDER, with ROW one of {', '.join(TITLES)}")
    images = {row: Path(folder) / "images" for row, folder in folders.items()}
    return {"input": next(iter(images.values())) / "real_A", **{row: path / "fake_B" for row, path in images.items()}}


def write_page(columns: dict[str, Path], names: list[str], folder: Path) -> None:
    """Copy all pictures below `folder`, and write the page that shows them."""
    shutil.rmtree(folder / "images", ignore_errors=True)
    page = Page(folder, "Figure 7: test pictures, and what each method made of them")
    page.add_note("Each picture opens in its full size.")
    for name in names:
        row = {}
        for column, source in columns.items():
            copy = f"images/{column}/{name}.png"
            (folder / copy).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(existing(source / f"{name}.png"), folder / copy)
            row[TITLES.get(column, column)] = copy
        page.add_row(name, row, width=160)
    page.save()
    if page.available:
        print(f"the page is {folder / 'index.html'}")


if __name__ == "__main__":
    main()
