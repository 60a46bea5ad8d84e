"""Compare what is learned from one painting with what classical transfers make of it.

    python -m scripts.proof.compare_one_image PAINTING... --content FOLDER --test FOLDER [FLAG OF train.py...]

--model sincolorcut is trained on each painting with each seed, and the images of --content in gray; called again, runs
continue where they stopped. The images of --test are made gray and colored with each run, and by Welsh's and
Reinhard's transfers from the same painting. The tables compare them with the painting, all at 256 pixels.
OUT/one_image.jpg shows the images that are picked.
"""

import argparse
import itertools
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from data.image_folder import make_dataset
from data.image_reader import read_image
from data.transforms import scale
from options.parser import OneLineParser
from scripts.lib.arguments import add_figure_flags
from scripts.lib.image_grid import Block, draw_grid, pick, save_figure
from scripts.lib.training import call, check, train
from util.errors import UsageError, run
from util.evaluation.bootstrap import estimate
from util.evaluation.classical import WelshTransfer, reinhard_transfer, with_colors
from util.evaluation.color_metrics import to_lab, to_rgb
from util.evaluation.judge import METRICS, Judge
from util.markdown import as_table
from util.util import save_image

SIDE = 256  # pixels of the shorter side, of the painting and of the test images
SHOWN = ["content_patch_distance", "structure", "ab_distance", "colorfulness", "spread_within"]
IN_FIGURE = ["Reinhard", "Welsh k=1"]  # and the runs
Folders = dict[str, Path]  # of colored images, by the title of their row
Images = dict[str, np.ndarray]  # by name, (H, W, 3) in Lab


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
    if len({painting.stem for painting in args.paintings}) < len(args.paintings):
        raise UsageError("two paintings have the same name")
    plan = {painting: [flags_of(painting, seed, args, flags) for seed in args.seeds] for painting in args.paintings}
    check(itertools.chain(*plan.values()))

    gray = args.out / "gray"
    sources = {Path(path).stem: at_scale(path).convert("L") for path in make_dataset(args.test)}
    for name, image in sources.items():
        save_image(np.array(image), gray / f"{name}.png")
    sources = {name: to_lab(np.array(image.convert("RGB"))) for name, image in sources.items()}
    picked = pick(list(sources), args.pick)
    figures, blocks = {}, [Block([[None, *(gray / f"{name}.png" for name in picked)]], rows=["gray"])]
    for painting, runs in plan.items():
        folder, style = args.out / painting.stem, at_scale(painting)
        save_image(np.array(style), folder / "painting.png")
        untrained = transfer(style, sources, folder)
        trained = train_and_color(runs, gray, folder)
        moved = {f"{title}, with Reinhard's L": with_lightness_of(untrained["Reinhard"], colored, sources)
                 for title, colored in trained.items()}  # fmt: skip
        rows = {"gray": gray, **untrained, **trained, **moved}
        figures[painting.stem] = measure(to_lab(np.array(style)), rows, sources)
        cells = [[None, *(rows[title] / f"{name}.png" for name in picked)] for title in (*IN_FIGURE, *trained)]
        cells[0][0] = folder / "painting.png"
        blocks.append(Block(cells, rows=[*IN_FIGURE, *trained]))
    print("\n".join(f"\n{table(metric, figures)}" for metric in SHOWN))
    save_figure(draw_grid(blocks, args.size), args.out / "one_image.jpg")


def flags_of(painting: Path, seed: int, args: Namespace, flags: list[str]) -> list[str]:
    """Return the flags of train.py for a painting and a seed."""
    recipe = ["--model", "sincolorcut", "--style", str(painting), "--dataroot", args.content]
    return [*recipe, *flags, "--name", f"one_{painting.stem}_seed{seed}", "--seed", str(seed)]


def transfer(style: Image.Image, sources: Images, out: Path) -> Folders:
    """Color gray images with what needs no training."""
    lab, gray = to_lab(np.array(style)), to_lab(np.array(style.convert("L").convert("RGB")))
    welsh = WelshTransfer([(gray[..., 0], lab[..., 1:])])
    mean_color = lab[..., 1:].mean((0, 1))
    transfers: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "Reinhard": lambda source: reinhard_transfer(source, lab),
        "Reinhard, L kept": lambda source: with_colors(source[..., 0], mean_color),
        "Welsh k=1": lambda source: welsh.colorize(source[..., 0], k=1),
        "Welsh k=64": lambda source: welsh.colorize(source[..., 0], k=64),
    }
    for title, colorize in transfers.items():
        for name, source in sources.items():
            save_image(to_rgb(colorize(source)), out / title / f"{name}.png")
    return {title: out / title for title in transfers}


def train_and_color(runs: list[list[str]], gray: Path, out: Path) -> Folders:
    """Train with each list of flags, and color the images below `gray`."""
    folders = {}
    for flags in runs:
        opt = train(flags)
        folders[f"seed {opt.seed}"] = folder = out / f"seed {opt.seed}"
        run_name = ["--name", opt.name, "--checkpoints_dir", str(opt.checkpoints_dir)]
        call("colorize.py", [str(gray), "-o", str(folder), "--format", "png", "--overwrite", "--quiet", *run_name])
    return folders


def with_lightness_of(folder: Path, colored: Path, names: Iterable[str]) -> Path:
    """Write the images of these names in `colored` with the L of those in `folder`; return their folder."""
    out = colored.with_name(f"{colored.name} {folder.name}")
    for name in names:
        lightness, ab = (lab_of(source / f"{name}.png") for source in (folder, colored))
        save_image(to_rgb(with_colors(lightness[..., 0], ab[..., 1:])), out / f"{name}.png")
    return out


def measure(style: np.ndarray, rows: Folders, sources: Images) -> dict[str, dict[str, float]]:
    """Return the metrics of docs/metrics.md of each row, and of the painting itself, (H, W, 3) in Lab."""
    judge, figures = Judge([style]), {}
    pairs = {title: [(lab_of(folder / f"{name}.png"), source) for name, source in sources.items()]
             for title, folder in rows.items()}  # fmt: skip
    for title, images in (pairs | {"the painting": [(style, style)]}).items():
        statistics = judge.statistics([judge.content_record(*pair) for pair in images])
        figures[title] = {name: estimate([statistics[name]], len(images), draws=0).value for name in SHOWN}
    return figures


def table(metric: str, figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return a metric as markdown: a row for each way to color, a column for each painting."""
    titles = next(iter(figures.values()))
    lines = [[title, *(f"{of_painting[title][metric]:.2f}" for of_painting in figures.values())] for title in titles]
    return as_table([METRICS[metric].title, *figures], lines)


def at_scale(path: str | Path) -> Image.Image:
    """Read an image in RGB, its shorter side scaled to SIDE pixels."""
    return scale(read_image(path), Namespace(preprocess="rescale_shortside", load_size=SIDE))


def lab_of(path: Path) -> np.ndarray:
    """Return an image in Lab, (H, W, 3)."""
    return to_lab(np.array(read_image(path)))


if __name__ == "__main__":
    run(main)
