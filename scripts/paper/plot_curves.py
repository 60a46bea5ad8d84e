"""Plot the curves of one or several runs over their epochs: checkpoints/NAME... --out OUT.png.

Losses are without their weights. Color spreads are in Lab units, with those of the style as dashed lines.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from options.parser import OneLineParser
from scripts.lib.arguments import positive
from util.errors import UsageError, UserError, run
from util.report.curves import charts_of
from util.report.metrics_log import read
from util.run_folder import RunFolder

_LINES = [{"color": "black"}, {"color": "#d95f02"}, {"color": "#0072b2"}, {"color": "0.6"}]


def main() -> None:
    """Read, smooth and plot."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders with metrics.jsonl; at most four")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--window", type=positive, default=5, help="records that each point is the mean of")
    parser.add_argument("--only", nargs="+", help="names of the quantities to plot; default: all")
    args = parser.parse_args()

    if len(args.runs) > len(_LINES):
        raise UsageError(f"{len(args.runs)} runs: expected {len(_LINES)} at most")
    charts = {folder: read_charts(folder) for folder in args.runs}
    known = list(dict.fromkeys(title for _, curves in charts.values() for title in curves))
    titles = args.only or known
    if unknown := [title for title in titles if title not in known]:
        raise UsageError(f"--only {unknown[0]}: expected some of {', '.join(known)}")
    names = [folder.name for folder in args.runs]
    columns = min(3, len(titles))
    rows = -(-len(titles) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9, 2 * rows), sharex=True, layout="constrained", squeeze=False)
    for axis, title in zip(axes.flat, titles, strict=False):
        for line, (folder, (x, curves)) in zip(_LINES, charts.items(), strict=False):
            for curve, values in curves.get(title, {}).items():
                if curve == "style" and folder != args.runs[0]:
                    continue  # the style is the same in every run
                look = {"label": folder.name if names.count(folder.name) == 1 else str(folder)}
                if curve == "style":
                    look = {"label": "the style", "linestyle": "--"}
                axis.plot(*smooth(x, values, args.window), **line, **look)
        axis.set_title(title, fontsize=9)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    lines = {line.get_label(): line for axis in axes.flat for line in axis.lines}
    figure.legend(lines.values(), lines.keys(), loc="outside upper center", ncols=5, fontsize=9, frameon=False)
    figure.supxlabel("epoch", fontsize=9)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=90)


def read_charts(folder: Path) -> tuple[list[float], dict[str, dict[str, list[float | None]]]]:
    """Return the epochs of a run's records, and for each quantity its curve and, if it has one, the style's."""
    records = read(RunFolder(folder).metrics)
    if not records:
        raise UserError(f"{folder} has no metrics.jsonl with records")
    return charts_of(records, max_points=None)


def smooth(x: list[float], values: list[float | None], window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the means over `window` values, and the epochs at their ends; of fewer values, the mean of all."""
    known = np.array([(epoch, value) for epoch, value in zip(x, values, strict=True) if value is not None])
    window = min(window, len(known))
    return known[window - 1 :, 0], np.convolve(known[:, 1], np.ones(window) / window, "valid")


if __name__ == "__main__":
    run(main)
