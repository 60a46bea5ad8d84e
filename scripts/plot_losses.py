"""Draw the losses of a run over its iterations: plot_losses.py checkpoints/NAME/loss_log.txt OUT.png [--window 10]."""

import argparse
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

_LINE = re.compile(r"\(epoch: (\d+), iters: (\d+),[^)]*\) (.*)")


def main() -> None:
    """Read, smooth and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--window", type=int, default=10, help="log lines that a point is the mean of")
    args = parser.parse_args()

    epochs, losses = read(args.log)
    window = min(args.window, len(epochs))
    columns = 3
    rows = -(-len(losses) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9, 2 * rows), sharex=True, layout="constrained", squeeze=False)
    for axis, (name, values) in zip(axes.flat, losses.items(), strict=False):
        axis.plot(epochs, values, color="0.8", linewidth=0.8)
        smooth = np.convolve(values, np.ones(window) / window, "valid")
        axis.plot(epochs[window - 1 :], smooth, color="black", linewidth=1.2)
        axis.set_title(name, fontsize=9)
    for axis in axes.flat[len(losses) :]:
        axis.set_visible(False)
    figure.supxlabel("epoch", fontsize=9)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=90)


def read(log: Path) -> tuple[np.ndarray, dict[str, list[float]]]:
    """Return the epoch of each line, fractions included, and the values of each loss."""
    lines = [found.groups() for found in map(_LINE.match, log.read_text(encoding="utf-8").splitlines()) if found]
    if not lines:
        sys.exit(f"error: {log} holds no line of losses")
    longest = max(int(iters) for _, iters, _ in lines)
    epochs = np.array([int(epoch) - 1 + int(iters) / longest for epoch, iters, _ in lines])
    losses: dict[str, list[float]] = {}
    for _, _, values in lines:
        for name, value in re.findall(r"(\w+): (\S+)", values):
            losses.setdefault(name, []).append(float(value))
    return epochs, losses


if __name__ == "__main__":
    main()
