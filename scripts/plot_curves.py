"""Draw the curves of one or several runs over their epochs: plot_curves.py checkpoints/NAME... --out OUT.png.

Losses have no weights; spreads of colours are in Lab units, beside those of the style (dashed).
"""

import sys
from pathlib import Path

import matplotlib
from grid import OneLineParser, positive

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from util.report.curves import charts_of, values_of
from util.errors import UserError, run
from util.report.history import History
from util.report.metrics_log import read

_LINES = [{"color": "black"}, {"color": "#d95f02"}, {"color": "#0072b2"}, {"color": "0.6"}]


def main() -> None:
    """Read, smooth and draw."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders with metrics.jsonl; at most four")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--window", type=positive, default=5, help="records that a point is the mean of")
    parser.add_argument("--only", nargs="+", help="names of the quantities to draw; default all")
    args = parser.parse_args()

    if len(args.runs) > len(_LINES):
        raise UserError(f"{len(args.runs)} runs are too many to tell apart; {len(_LINES)} at most")
    charts = {folder: curves_of(folder) for folder in args.runs}
    known = list(dict.fromkeys(title for _, curves in charts.values() for title in curves))
    titles = args.only or known
    if unknown := [title for title in titles if title not in known]:
        raise UserError(f"--only {unknown[0]}: there are {', '.join(known)}")
    names = [folder.name for folder in args.runs]
    columns = min(3, len(titles))
    rows = -(-len(titles) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9, 2 * rows), sharex=True, layout="constrained", squeeze=False)
    for axis, title in zip(axes.flat, titles, strict=False):
        for line, (folder, (x, curves)) in zip(_LINES, charts.items(), strict=False):
            for curve, values in curves.get(title, {}).items():
                style = curve == "style"
                if style and folder != args.runs[0]:
                    continue  # the same pictures in every run
                label = "the style" if style else str(folder) if names.count(folder.name) > 1 else folder.name
                axis.plot(*smoothed(x, values, args.window), **line | {"label": label, "ls": "--" if style else "-"})
        axis.set_title(title, fontsize=9)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    drawn = {line.get_label(): line for axis in axes.flat for line in axis.lines}
    figure.legend(drawn.values(), drawn.keys(), loc="outside upper center", ncols=5, fontsize=9, frameon=False)
    figure.supxlabel("epoch", fontsize=9)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=90)


def curves_of(folder: Path) -> tuple[list[float], dict[str, dict[str, list[float | None]]]]:
    """Return the epochs of a run's records, and for each quantity its curve and where there is one the style's."""
    history = History(limit=sys.maxsize)
    for record in read(folder / "metrics.jsonl"):
        history.add(record["epochs"], values_of(record))
    x, charts = charts_of(history)
    if not x:
        raise UserError(f"{folder} holds no metrics.jsonl with records")
    return x, charts


def smoothed(x: list[float], values: list[float | None], window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the means over `window` values, and the epochs at their ends; fewer values are left as they are."""
    known = np.array([(epoch, value) for epoch, value in zip(x, values, strict=True) if value is not None])
    window = min(window, len(known))
    return known[window - 1 :, 0], np.convolve(known[:, 1], np.ones(window) / window, "valid")


if __name__ == "__main__":
    run(main)
