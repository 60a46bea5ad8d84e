"""Times of training iterations as bars: medians, with whiskers from the fastest to the slowest."""

from pathlib import Path


def draw_times(records: list[dict], ratio_to: str, note: str, files: list[Path]) -> None:
    """Draw a bar with its ratio for each record of measure() below a note, into files of any format.

    Args: ratio_to: name of what ratios are to; the record has the ratio as `ratio_to_NAME`, in lower case.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    grays, hatches = ("0.95", "0.8", "0.65"), ("", "//", "..", "xx", "--", "\\\\", "oo")  # distinct in gray print
    figure, axis = plt.subplots(figsize=(8, 1.2 + 0.5 * len(records)), layout="constrained")
    for number, record in enumerate(records):
        median, low, high = (record[name] for name in ("median_s", "min_s", "max_s"))
        look = {"height": 0.7, "color": grays[number % 3], "hatch": hatches[number % 7], "edgecolor": "black"}
        axis.barh(number, median, xerr=[[median - low], [high - median]], capsize=3, linewidth=0.8, **look)
        ratio = record[f"ratio_to_{ratio_to.lower()}"]
        remark = f" ({ratio:.2f} x {ratio_to})" if ratio else ""
        behind = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axis.annotate(f"{median:.3g} s{remark}", (high, number), fontsize=9, **behind)
    axis.set_yticks(range(len(records)), [record["title"] for record in records])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.5 * max(record["max_s"] for record in records))
    axis.set_xlabel("seconds per training iteration: median, whiskers from minimum to maximum")
    axis.set_title(note, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=150)
    plt.close(figure)
