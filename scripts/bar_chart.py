"""Times of training iterations as bars: medians, with whiskers from the fastest to the slowest."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Bar:
    """Seconds of an iteration, and what is said behind the bar."""

    title: str
    low: float
    median: float
    high: float
    remark: str = ""


def draw_times(bars: list[Bar], note: str, files: list[Path]) -> None:
    """Draw the bars from top to bottom under a note, readable in grey print, into files of any format."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    greys, hatches = ("0.95", "0.8", "0.65"), ("", "//", "..", "xx", "--", "\\\\", "oo")
    figure, axis = plt.subplots(figsize=(8, 1.2 + 0.5 * len(bars)), layout="constrained")
    for number, bar in enumerate(bars):
        whisker = [[bar.median - bar.low], [bar.high - bar.median]]
        axis.barh(number, bar.median, xerr=whisker, capsize=3, height=0.7, color=greys[number % 3],
                  hatch=hatches[number % 7], edgecolor="black", linewidth=0.8)  # fmt: skip
        axis.annotate(f"{bar.median:.3g} s{bar.remark}", (bar.high, number), (6, 0), textcoords="offset points",
                      va="center", fontsize=9)  # fmt: skip
    axis.set_yticks(range(len(bars)), [bar.title for bar in bars])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.5 * max(bar.high for bar in bars))
    axis.set_xlabel("seconds per training iteration: median, whiskers from minimum to maximum")
    axis.set_title(note, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=150)
    plt.close(figure)
