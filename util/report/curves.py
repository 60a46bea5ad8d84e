"""The curves of a run: which numbers of a record have one, and which curves are drawn together."""

import math
from collections.abc import Sequence

Curve = list[float | None]
_MAX_POINTS = 1000  # of a curve that is drawn


def values_of(record: dict) -> dict[str, float]:
    """Return the numbers of a record of metrics.jsonl that have a curve, by the name of the curve."""
    values = {f"{group}/{name}": value for group in ("losses", "colors") for name, value in record[group].items()}
    values |= {f"validation/{name}": value for name, value in record.get("validation", {}).items()}
    values["learning rate"] = record["learning_rate"]
    values["iterations per second"] = 1 / record["times"]["iteration"]
    return values


def curves_of(records: Sequence[dict], max_points: int | None = _MAX_POINTS) -> tuple[list[float], dict[str, Curve]]:
    """Return x, in epochs, and the curves by name; None where a curve has no finite value.

    Of more records than `max_points` an evenly spaced part is drawn, and the newest. Another thread may append
    meanwhile: a slice of a list is taken in one go.
    """
    count = len(records)
    every = max(1, math.ceil(count / (max_points or count or 1)))
    drawn = list(records[:count:every])
    if count and (count - 1) % every:
        drawn.append(records[count - 1])
    rows = [values_of(record) for record in drawn]
    names = dict.fromkeys(name for row in rows for name in row)
    curves = {name: [_finite(row.get(name)) for row in rows] for name in names}
    drawable = {name: curve for name, curve in curves.items() if any(value is not None for value in curve)}
    return [record["epochs"] for record in drawn], drawable


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def charts_of(
    records: Sequence[dict], max_points: int | None = _MAX_POINTS
) -> tuple[list[float], dict[str, dict[str, Curve]]]:
    """Return x and a chart for each quantity; a color statistic shares its chart with that of the style."""
    x, curves = curves_of(records, max_points)
    charts = {}
    for name, curve in curves.items():
        title = name.split("/")[-1]
        if name.startswith("colors/style_"):
            continue
        style = curves.get(name.replace("colors/", "colors/style_")) if name.startswith("colors/") else None
        charts[title] = {"painted": curve, "style": style} if style else {"": curve}
    return x, charts


def windows_of(records: Sequence[dict]) -> tuple[list[float], dict[str, dict[str, Curve]]]:
    """Return x and the few windows of the live monitor, each with its curves by name."""
    x, curves = curves_of(records)
    windows: dict[str, dict[str, Curve]] = {}
    for name, curve in curves.items():
        group, _, title = name.rpartition("/")
        windows.setdefault(group or title, {})[title] = curve
    return x, windows
