"""Measure the colors of a trained model: python evaluate.py --dataroot ./datasets/NAME --name RUN.

Held-out style images are made gray, colored by the model, and compared with their own colors. The source images are
colored, and the distribution of their colors is compared with that of the style's training images. The table also
has three rows that need no model: gray, the mean color of the style everywhere, and the held-out style itself.
"""

import json
from argparse import Namespace
from collections.abc import Iterator
from itertools import islice

import numpy as np

from data import create_dataset
from data.unaligned_dataset import domain_folder
from models import BaseModel, create_model
from models.color_losses import to_grayscale
from models.networks.build import describe_networks
from options.test_options import TestOptions
from util.color_metrics import ab_distance, ab_error, ab_of, subsample
from util.errors import run
from util.report.results_page import ResultsPage
from util.util import copyconf, source_and_style, tensor2im


def main() -> None:
    """Measure, print the table, and write it beside the colored images."""
    options = TestOptions()
    opt = options.parse()
    model = create_model(opt)
    if opt.dry_run:
        print(describe_networks(model.networks(), opt.verbose))
        return
    model.setup(opt)
    results = ResultsPage(opt, options.as_text(opt), f"evaluation_{opt.epoch}")
    style = np.concatenate([subsample(ab_of(tensor2im(batch["image"]))) for batch in style_images(opt, "train")])
    held_out = recolor_style(opt, model, results, style.mean(0))
    sources = color_sources(opt, model)

    mean_color = np.broadcast_to(style.mean(0), (1, 2))
    rows = {
        "gray": {"ab_error": held_out["gray"], "ab_distance": ab_distance(np.zeros((1, 2)), style)},
        "mean color": {"ab_error": held_out["mean color"], "ab_distance": ab_distance(mean_color, style)},
        opt.name: {"ab_error": held_out["colored"], "ab_distance": ab_distance(sources, style)},
        "held-out style": {"ab_error": 0.0, "ab_distance": ab_distance(held_out["truth"], style)},
    }
    folder = results.save()
    (folder / "metrics.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(as_table(rows))
    print(f"the recolored style images: {folder / 'index.html'}")


def style_images(opt: Namespace, phase: str) -> Iterator[dict]:
    """Yield the style images of a phase one by one, in color: image (1, 3, H, W) in [-1, 1], and path."""
    source, style = source_and_style(opt)
    folder = domain_folder(opt.dataroot, phase, style)
    for batch in create_dataset(copyconf(opt, dataset_mode="single", dataroot=folder, gray=False)):
        yield {"image": batch[source], "path": batch[f"{source}_paths"][0]}


def recolor_style(opt: Namespace, model: BaseModel, results: ResultsPage, mean_color: np.ndarray) -> dict:
    """Make the held-out style images gray and color them. Return the mean ab error of each row, and the true colors."""
    source, _ = source_and_style(opt)
    errors, truths = [], []
    for batch in islice(style_images(opt, opt.phase), limit(opt)):
        gray = to_grayscale(batch["image"])
        model.set_input({source: gray, f"{source}_paths": [batch["path"]]})
        model.test()
        results.add({"gray": gray, "colored": model.fake_B, "truth": batch["image"]}, batch["path"])
        truth = ab_of(tensor2im(batch["image"]))
        guesses = (np.zeros((1, 2)), mean_color, ab_of(tensor2im(model.fake_B)))
        errors.append([ab_error(truth, guess) for guess in guesses])
        truths.append(subsample(truth))
    means = dict(zip(("gray", "mean color", "colored"), np.mean(errors, 0).tolist(), strict=True))
    return {**means, "truth": np.concatenate(truths)}


def color_sources(opt: Namespace, model: BaseModel) -> np.ndarray:
    """Color the source images of the test and return their colors."""
    colors = []
    for batch in islice(create_dataset(opt), limit(opt)):
        model.set_input(batch)
        model.test()
        colors.append(subsample(ab_of(tensor2im(model.fake_B))))
    return np.concatenate(colors)


def limit(opt: Namespace) -> int | None:
    """Return --num_test as islice takes it."""
    return None if opt.num_test == float("inf") else opt.num_test


def as_table(rows: dict[str, dict[str, float]]) -> str:
    """Return the rows as text. Both columns are in CIELAB units; lower is nearer to the style."""
    titles = ("", "ab error on held-out", "distance of colors"), ("", "style images", "to the style")
    lines = [f"{name:24}{left:>24}{right:>24}" for name, left, right in titles]
    lines += [f"{name:24}{row['ab_error']:24.2f}{row['ab_distance']:24.2f}" for name, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
