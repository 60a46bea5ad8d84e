"""Compare what is learned from one painting with what classical transfers make of it.

    python -m scripts.proof.compare_one_image PAINTING... --content FOLDER --test FOLDER [FLAG OF train.py...]

--model sincolorcut is trained on each painting with each seed, and the gray images of --content; called again, runs
continue where they stopped. The images of --test are made gray and colored with each run, and by Welsh's and
Reinhard's transfers from the same painting. A table for each painting compares their colors with its own, at 256
pixels. OUT/one_image.jpg shows the images that are picked.
"""

import argparse
import itertools
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from data.image_folder import make_dataset
from data.image_reader import read_image
from options.parser import OneLineParser
from options.train_options import TrainOptions
from scripts.lib.arguments import add_figure_flags
from scripts.lib.image_grid import Block, draw_grid, names_in, pick, save_figure
from scripts.lib.training import call, train
from util.errors import UsageError, run
from util.evaluation.bootstrap import estimate
from util.evaluation.classical import WelshTransfer, reinhard_transfer, with_colors
from util.evaluation.color_metrics import to_lab, to_rgb
from util.evaluation.judge import METRICS, Judge
from util.markdown import as_table

SIDE = 256  # pixels of the shorter side, of the painting and of the test images
COLUMNS = ["content_patch_distance", "structure", "ab_distance", "colorfulness", "spread_within"]
IN_FIGURE = ["Reinhard", "Welsh k=1"]  # beside the runs


def main() -> None:
    """Train, color, measure, print and draw."""
    parser = OneLineParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("paintings", type=Path, nargs="+", metavar="PAINTING")
    parser.add_argument("--content", required=True, help="folder of training images")
    parser.add_argument("--test", required=True, help="folder of images that training does not see")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    add_figure_flags(parser)
    args, flags = parser.parse_known_args()
    sys.argv[0] = "train.py"  # an error message names the program that lists the flags
    if len({painting.stem for painting in args.paintings}) < len(args.paintings):
        raise UsageError("two paintings have the same name")
    plan = {painting: [flags_of(painting, seed, args, flags) for seed in args.seeds] for painting in args.paintings}
    for of_run in itertools.chain(*plan.values()):
        TrainOptions(of_run).parse()  # before the first is trained: a mistake is reported now, not hours later

    gray = args.out / "gray"
    for path in make_dataset(args.test):
        write(at_scale(path).convert("L"), gray / f"{Path(path).stem}.png")
    blocks = [compare(painting, runs, gray, args) for painting, runs in plan.items()]
    save_figure(draw_grid(blocks, args.size), args.out / "one_image.jpg")


def flags_of(painting: Path, seed: int, args: Namespace, flags: list[str]) -> list[str]:
    """Return the flags of train.py for a painting and a seed."""
    recipe = ["--model", "sincolorcut", "--style", str(painting), "--dataroot", args.content]
    return [*recipe, *flags, "--name", f"one_{painting.stem}_seed{seed}", "--seed", str(seed)]


def compare(painting: Path, runs: list[list[str]], gray: Path, args: Namespace) -> Block:
    """Train on a painting, color the images below `gray`, print the table, and return the rows of the figure."""
    folder = args.out / painting.stem
    style = at_scale(painting)
    write(style, folder / "painting.png")
    names = names_in(gray)
    untrained = transfers(style)
    for title, colorize in untrained.items():
        for name in names:
            write(Image.fromarray(colorize(to_lab(pixels(gray / f"{name}.png")))), folder / title / f"{name}.png")
    titles = []
    for of_run in runs:
        opt = train(of_run)
        titles.append(f"seed {opt.seed}")
        where = ["--name", opt.name, "--checkpoints_dir", str(opt.checkpoints_dir), "--overwrite"]
        call("colorize.py", [str(gray), "-o", str(folder / titles[-1]), "--format", "png", *where])

    rows = {"gray": gray} | {title: folder / title for title in (*untrained, *titles)}
    print(f"\n{painting}\n{table(to_lab(np.array(style)), rows, gray)}\n")
    picked = pick(names, args.pick)
    cells = [[None, *(rows[title] / f"{name}.png" for name in picked)] for title in ("gray", *IN_FIGURE, *titles)]
    cells[0][0] = folder / "painting.png"
    return Block(cells, rows=["gray", *IN_FIGURE, *titles])


def transfers(style: Image.Image) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return what needs no training, by title: each maps the Lab (H, W, 3) of a gray image to RGB, uint8."""
    lab = to_lab(np.array(style))
    gray = to_lab(np.array(style.convert("L").convert("RGB")))
    welsh = WelshTransfer([(gray[..., 0], lab[..., 1:])])
    mean_color = lab[..., 1:].mean((0, 1))
    return {
        "Reinhard": lambda image: to_rgb(reinhard_transfer(image, lab)),
        "Reinhard, luma kept": lambda image: to_rgb(with_colors(image[..., 0], mean_color)),
        "Welsh k=1": lambda image: to_rgb(welsh.colorize(image[..., 0], k=1)),
        "Welsh k=64": lambda image: to_rgb(welsh.colorize(image[..., 0], k=64)),
    }


def table(style: np.ndarray, rows: dict[str, Path], gray: Path) -> str:
    """Return the metrics of docs/metrics.md on the images of each folder, to one style image (H, W, 3) in Lab."""
    judge, lines = Judge([style]), []
    sets = {title: [(to_lab(pixels(folder / f"{name}.png")), to_lab(pixels(gray / f"{name}.png")))
                    for name in names_in(gray)] for title, folder in rows.items()}  # fmt: skip
    for title, images in (sets | {"the painting": [(style, style)]}).items():
        statistics = judge.statistics([judge.content_record(*pair) for pair in images])
        values = [estimate([statistics[name]], len(images), draws=0).value for name in COLUMNS]
        lines.append([title, *(f"{value:.2f}" for value in values)])
    return as_table(["", *(METRICS[name].title for name in COLUMNS)], lines)


def at_scale(path: str | Path) -> Image.Image:
    """Read an image in RGB, its shorter side scaled to SIDE pixels."""
    image = read_image(path)
    factor = SIDE / min(image.size)
    return image.resize([round(side * factor) for side in image.size], Image.Resampling.BICUBIC)


def pixels(path: Path) -> np.ndarray:
    """Return an image (H, W, 3) uint8."""
    return np.array(read_image(path))


def write(image: Image.Image, path: Path) -> None:
    """Write an image, and create its folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


if __name__ == "__main__":
    run(main)
