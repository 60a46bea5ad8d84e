"""Measure the colours of a trained model: python evaluate.py --dataroot ./datasets/NAME --name RUN.

Held-out pictures of the style are greyed, painted, and compared with their own colours. The source pictures are
painted, and the distribution of their colours is compared with that of the style's training pictures. Both stand
beside what no model is needed for: grey, and the style's mean colour everywhere.
"""

import json
from argparse import Namespace
from collections.abc import Iterator
from itertools import islice

import numpy as np

from data import create_dataset
from data.unaligned_dataset import domain_folder
from models import create_model
from models.color_losses import to_grayscale
from options.test_options import TestOptions
from util.color_metrics import ab_distance, ab_error, ab_of, thinned
from util.errors import run
from util.report.results_page import Results
from util.util import copyconf, tensor2im


def main() -> None:
    """Measure, print the table, and write it beside the painted pictures."""
    options = TestOptions()
    opt = options.parse()
    model = create_model(opt)
    if opt.dry_run:
        print(model.describe_networks())
        return
    model.setup(opt)
    results = Results(opt, options.as_text(opt), f"evaluation_{opt.epoch}")
    style = np.concatenate([thinned(ab_of(tensor2im(batch["image"]))) for batch in style_pictures(opt, "train")])
    held_out = paint_style_back(opt, model, results, style.mean(0))
    sources = paint_sources(opt, model)

    mean_color = np.broadcast_to(style.mean(0), (1, 2))
    rows = {
        "grey": {"ab_error": held_out["grey"], "ab_distance": ab_distance(np.zeros((1, 2)), style)},
        "mean colour": {"ab_error": held_out["mean colour"], "ab_distance": ab_distance(mean_color, style)},
        opt.name: {"ab_error": held_out["painted"], "ab_distance": ab_distance(sources, style)},
        "held-out style": {"ab_error": 0.0, "ab_distance": ab_distance(held_out["truth"], style)},
    }
    folder = results.save()
    (folder / "metrics.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(as_table(rows))
    print(f"the painted pictures of the style: {folder / 'index.html'}")


def style_pictures(opt: Namespace, phase: str) -> Iterator[dict]:
    """Yield the style's pictures of a phase one by one, in colour: image (1, 3, H, W) in [-1, 1], and path."""
    source, style = ("A", "B") if opt.direction == "AtoB" else ("B", "A")
    folder = domain_folder(opt.dataroot, phase, style)
    for batch in create_dataset(copyconf(opt, dataset_mode="single", dataroot=folder, gray=False)):
        yield {"image": batch[source], "path": batch[f"{source}_paths"][0]}


def paint_style_back(opt: Namespace, model, results: Results, mean_color: np.ndarray) -> dict:
    """Grey and paint the held-out style pictures; return the mean ab-error of each way, and the true colours."""
    source = "A" if opt.direction == "AtoB" else "B"
    errors, truths = [], []
    for batch in islice(style_pictures(opt, opt.phase), limit(opt)):
        gray = to_grayscale(batch["image"])
        model.set_input({source: gray, f"{source}_paths": [batch["path"]]})
        model.test()
        results.add({"gray": gray, "painted": model.fake_B, "truth": batch["image"]}, batch["path"])
        truth = ab_of(tensor2im(batch["image"]))
        ways = (np.zeros((1, 2)), mean_color, ab_of(tensor2im(model.fake_B)))
        errors.append([ab_error(truth, way) for way in ways])
        truths.append(thinned(truth))
    means = dict(zip(("grey", "mean colour", "painted"), np.mean(errors, 0).tolist(), strict=True))
    return {**means, "truth": np.concatenate(truths)}


def paint_sources(opt: Namespace, model) -> np.ndarray:
    """Paint the source pictures of the test and return their colours."""
    colors = []
    for batch in islice(create_dataset(opt), limit(opt)):
        model.set_input(batch)
        model.test()
        colors.append(thinned(ab_of(tensor2im(model.fake_B))))
    return np.concatenate(colors)


def limit(opt: Namespace) -> int | None:
    """Return --num_test as islice wants it."""
    return None if opt.num_test == float("inf") else opt.num_test


def as_table(rows: dict[str, dict[str, float]]) -> str:
    """Return the rows as text; both columns are in CIELAB units, lower is nearer to the style."""
    lines = [f"{'':24}{'ab-error on held-out':>24}{'distance of colours':>24}",
             f"{'':24}{'style pictures':>24}{'to the style':>24}"]  # fmt: skip
    lines += [f"{name:24}{row['ab_error']:24.2f}{row['ab_distance']:24.2f}" for name, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
