"""Measure the colors of trained models: python evaluate.py --dataroot ./datasets/NAME --names RUN1 RUN2.

Held-out style images are made gray, colored, and compared with their own colors. Source images are colored, and their
colors are compared with those of the style's training images. Rows that need no training are measured beside the
runs: gray, the mean color of the style, Welsh's color transfer, and the held-out style images themselves.
docs/metrics.md defines all columns.
"""

import util.interrupt  # noqa: F401 - first: the imports below take seconds

# isort: split
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch

from data import create_dataset
from data.unaligned_dataset import domain_folder
from models import BaseModel, create_model
from models.color_losses import to_grayscale
from models.networks.build import describe_networks
from options.evaluate_options import EvaluateOptions
from util.errors import UsageError, run
from util.evaluation import tables
from util.evaluation.bootstrap import Estimate, estimate
from util.evaluation.classical import WelshTransfer, with_colors
from util.evaluation.color_metrics import to_lab, to_rgb
from util.evaluation.inception import check_inception, fid_and_kid
from util.evaluation.judge import CONTENT, STYLE, Judge
from util.report.results_page import ResultsPage
from util.util import copyconf, source_and_style, tensor2im

Colorizer = Callable[[torch.Tensor], np.ndarray]  # a gray image (1, 3, H, W) in [-1, 1] -> (H, W, 3) uint8
Records = dict[str, Any]  # of one run: what each image adds to the metrics, by kind of image
TRUTH = "held-out style"  # the row of the true colors
REFERENCES = {"gray", "mean color", "Welsh k=1", "Welsh k=64", TRUTH}
IMAGES, INCEPTION = "images", "inception"  # with --fid_weights: the colored source images, then their FID and KID


def main() -> None:
    """Color all images with all runs and references, measure them, and write tables and page."""
    options = EvaluateOptions()
    runs, rows = options.parse_runs()
    if REFERENCES & set(runs):
        raise UsageError(f"{', '.join(REFERENCES & set(runs))}: the table has a row of that name; rename the run")
    opt = next(iter(runs.values()))
    if opt.fid_weights:
        check_inception(opt.fid_weights)
    models = {name: create_model(of_run) for name, of_run in runs.items()}
    if opt.dry_run:
        for name, model in models.items():
            print(name, describe_networks(model.networks(), opt.verbose), sep="\n")
        return
    for name, model in models.items():
        model.setup(runs[name])

    style = [image for image, _ in style_images(opt, "train")]
    style_lab = [to_lab(tensor2im(image)) for image in style]
    judge = Judge(style_lab)
    references = reference_colorizers(style, style_lab, judge.mean_color)
    colorizers = {**references, **{name: partial(colorize, model) for name, model in models.items()}}
    title = f"evaluation_{opt.epoch}"
    results = ResultsPage(copyconf(opt, name=options.output_name), options.as_text(opt), title)
    try:
        records = color_and_measure(opt, judge, colorizers, results)
    except BaseException:  # also after Ctrl-C: what is colored so far has its page
        results.save(is_complete=False)
        raise
    if opt.fid_weights:
        training_images = [tensor2im(image) for image in style]
        for of_run in records.values():
            of_run[INCEPTION] = fid_and_kid(of_run.pop(IMAGES), training_images, opt.fid_weights)

    rows = {**{name: [name] for name in references}, **rows, TRUTH: [TRUTH]}
    table, each = measure(judge, records, rows, opt.draws)
    results.page.add_table(*tables.as_cells(table))
    folder = results.save()
    tables.write(table, each, folder)
    print(tables.as_text(table))
    print(f"tables and images: {folder / 'index.html'}")


def style_images(opt: Namespace, phase: str) -> Iterator[tuple[torch.Tensor, str]]:
    """Return the style images of a phase in color, (1, 3, H, W) in [-1, 1], and their paths."""
    _, style = source_and_style(opt)
    return images_of(opt, phase, style)


def source_images(opt: Namespace) -> Iterator[tuple[torch.Tensor, str]]:
    """Yield the source images of the test in gray, (1, 3, H, W) in [-1, 1], and their paths."""
    source, _ = source_and_style(opt)
    for image, path in images_of(opt, opt.phase, source):
        yield to_grayscale(image), path


def images_of(opt: Namespace, phase: str, domain: str) -> Iterator[tuple[torch.Tensor, str]]:
    """Yield the images of a domain, A or B, in color, whatever --dataset_mode the runs were trained with."""
    single = copyconf(opt, dataset_mode="single", dataroot=domain_folder(opt.dataroot, phase, domain), gray=False)
    for batch in create_dataset(single):
        if "error" in batch:
            raise batch["error"]
        key = source_and_style(opt)[0]  # single calls its images the source
        yield batch[key], batch[f"{key}_paths"][0]


def colorize(model: BaseModel, gray: torch.Tensor) -> np.ndarray:
    """Color an image with a model."""
    return tensor2im(model.colorize(gray))


def reference_colorizers(
    style: Iterable[torch.Tensor], style_lab: Iterable[np.ndarray], mean_color: np.ndarray
) -> dict[str, Colorizer]:
    """Return the colorizers that need no training.

    Args:
        style, style_lab: training images of the style, (1, 3, H, W) in [-1, 1] and as CIELAB (H, W, 3).
        mean_color: their mean (a, b).
    """
    pairs = zip(style, style_lab, strict=True)
    welsh = WelshTransfer([(lightness_of(to_grayscale(image)), lab[..., 1:]) for image, lab in pairs])
    return {
        "gray": tensor2im,
        "mean color": lambda gray: to_rgb(with_colors(lightness_of(gray), mean_color)),
        "Welsh k=1": lambda gray: to_rgb(welsh.colorize(lightness_of(gray), k=1)),
        "Welsh k=64": lambda gray: to_rgb(welsh.colorize(lightness_of(gray), k=64)),
    }


def lightness_of(gray: torch.Tensor) -> np.ndarray:
    """Return the L (H, W) of a gray image (1, 3, H, W)."""
    return to_lab(tensor2im(gray))[..., 0]


def color_and_measure(
    opt: Namespace, judge: Judge, colorizers: dict[str, Colorizer], results: ResultsPage
) -> dict[str, Records]:
    """Color each image with each colorizer, and add it to the page. Return the records of each colorizer."""
    records: dict[str, Records] = defaultdict(lambda: defaultdict(list))
    limit = None if opt.num_test == float("inf") else opt.num_test
    for image, path in islice(style_images(opt, opt.phase), limit):
        gray, truth = to_grayscale(image), to_lab(tensor2im(image))
        colored = {name: color(gray) for name, color in colorizers.items()}
        for name, output in colored.items():
            records[name][STYLE].append(judge.style_record(to_lab(output), truth))
        records[TRUTH][STYLE].append(judge.style_record(truth, truth))
        records[TRUTH][CONTENT].append(judge.content_record(truth, truth))
        if opt.fid_weights:
            records[TRUTH][IMAGES].append(tensor2im(image))
        results.add({**colored, TRUTH: image}, path)
    for gray, path in islice(source_images(opt), limit):
        colored = {name: color(gray) for name, color in colorizers.items()}
        for name, output in colored.items():
            records[name][CONTENT].append(judge.content_record(to_lab(output), to_lab(colored["gray"])))
            if opt.fid_weights:
                records[name][IMAGES].append(output)
        results.add(colored, path)
    return dict(records)


def measure(
    judge: Judge, records: dict[str, Records], rows: dict[str, list[str]], draws: int
) -> tuple[tables.Table, tables.Table]:
    """Return the metrics of each row, and those of each run: a row of several runs has their mean."""
    each = {name: summarize(judge, [of_run], draws) for name, of_run in records.items()}
    table = {
        row: each[names[0]] if len(names) == 1 else summarize(judge, [records[name] for name in names], draws)
        for row, names in rows.items()
    }
    return table, each


def summarize(judge: Judge, runs: list[Records], draws: int) -> dict[str, Estimate]:
    """Return each metric of one run, or of several runs of one recipe, with its interval."""
    figures = {}
    for kind in (STYLE, CONTENT):
        statistics = [judge.statistics(records[kind]) for records in runs]
        count = len(runs[0][kind])
        figures |= {name: estimate([of_run[name] for of_run in statistics], count, draws) for name in statistics[0]}
    for name in runs[0].get(INCEPTION, ()):
        mean = float(np.mean([records[INCEPTION][name] for records in runs]))
        figures[name] = Estimate(mean, mean, mean)
    return figures


if __name__ == "__main__":
    run(main)
