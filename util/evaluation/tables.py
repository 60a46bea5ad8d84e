"""The results of evaluate.py as text, Markdown, CSV and JSON."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

from util.evaluation.bootstrap import Estimate
from util.evaluation.judge import CONTENT, METRICS, STYLE
from util.markdown import as_table

Table = dict[str, dict[str, Estimate]]  # by row and metric


def as_cells(table: Table, kind: str | None = None) -> tuple[list[str], list[list[str]]]:
    """Return the titles and the rows of a table. Args: kind: the metrics of one kind of images only."""
    names = [name for name, metric in METRICS.items() if kind in (None, metric.images)]
    names = [name for name in names if any(name in row for row in table.values())]
    titles = [METRICS[name].title if kind else f"{METRICS[name].title}, {METRICS[name].images}" for name in names]
    rows = [[row, *(_cell(figures.get(name)) for name in names)] for row, figures in table.items()]
    return ["", *titles], rows


def as_text(table: Table) -> str:
    """Return one table for the console for each kind of images."""
    lines = []
    for kind in (STYLE, CONTENT):
        titles, rows = as_cells(table, kind)
        widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        lines.append(f"{kind}; in brackets 95% intervals")
        for row in [titles, *rows]:
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join([first.strip().ljust(widths[0]), *others]))
        lines.append("")
    return "\n".join(lines)


def as_markdown(table: Table) -> str:
    """Return one table for each kind of images, below a heading."""
    parts = [f"{kind.capitalize()}:\n\n{as_table(*as_cells(table, kind))}\n" for kind in (STYLE, CONTENT)]
    return "\n".join(parts)


def write(table: Table, each_run: Table, folder: Path) -> None:
    """Write metrics.md with the rows of the table; metrics.csv and metrics.json with a row for each run."""
    (folder / "metrics.md").write_text(as_markdown(table), encoding="utf-8")
    everything = {**each_run, **table}
    numbers = {row: {name: asdict(figure) for name, figure in of_row.items()} for row, of_row in everything.items()}
    (folder / "metrics.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    with (folder / "metrics.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "images", "metric", "value", "low", "high", "better"])
        for row, of_row in everything.items():
            for name, figure in of_row.items():
                metric = METRICS[name]
                writer.writerow([row, metric.images, name, figure.value, figure.low, figure.high, metric.better])


def _cell(figure: Estimate | None) -> str:
    if figure is None:
        return ""
    digits = 2 if abs(figure.value) < 1000 else 0
    value, low, high = (f"{number:.{digits}f}" for number in (figure.value, figure.low, figure.high))
    return value if low == high else f"{value} [{low}, {high}]"
