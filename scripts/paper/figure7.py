"""Test images beside the output of each run: figure7.py ROW=FOLDER... [--pick NAME_OR_NUMBER...].

FOLDER is what test.py wrote: results/NAME/test_latest. The figure with the images picked goes to OUT/figure7.png, a
page with all images to OUT/figure7/index.html.
"""

import shutil
from pathlib import Path

from options.parser import OneLineParser
from scripts.lib.arguments import TITLES, add_figure_flags
from scripts.lib.image_grid import Block, check_exists, draw_grid, names_in, pick, save_figure
from util.errors import UsageError, run
from util.report.html import Page


def main() -> None:
    """Draw the grid and write the page."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="ROW=FOLDER", help=f"ROW is one of {', '.join(TITLES)}")
    add_figure_flags(parser)
    args = parser.parse_args()

    columns = columns_of(args.runs)
    names = names_in(columns["input"])
    cells = [[folder / f"{name}.png" for folder in columns.values()] for name in pick(names, args.pick)]
    titles = [TITLES.get(row, row) for row in columns]
    save_figure(draw_grid([Block(cells, columns=titles)], args.size), args.out / "figure7.png")
    write_page(columns, names, args.out / "figure7")


def columns_of(runs: list[str]) -> dict[str, Path]:
    """Return the folders of images by row: first the input of the first run, then the output of each run."""
    folders = {}
    for text in runs:
        row, given, folder = text.partition("=")
        if row not in TITLES or not given:
            raise UsageError(f"{text}: expected ROW=FOLDER, with ROW one of {', '.join(TITLES)}")
        folders[row] = Path(folder) / "images/fake_B"
    return {"input": next(iter(folders.values())).with_name("real_A"), **folders}


def write_page(columns: dict[str, Path], names: list[str], folder: Path) -> None:
    """Copy all images into `folder`, and write the page that shows them."""
    shutil.rmtree(folder / "images", ignore_errors=True)
    page = Page(folder, "Figure 7: test images and the output of each method")
    page.add_note("Each image opens in its full size.")
    for name in names:
        images = {}
        for row, source in columns.items():
            copy = f"images/{row}/{name}.png"
            (folder / copy).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(check_exists(source / f"{name}.png"), folder / copy)
            images[TITLES.get(row, row)] = copy
        page.add_row(name, images, width=160)
    page.save()
    if page.available:
        print(f"the page is {folder / 'index.html'}")


if __name__ == "__main__":
    run(main)
