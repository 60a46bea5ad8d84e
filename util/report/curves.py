"""The curves of a run: which numbers of a record they are made of, and which are drawn together."""

from util.report.history import History

Curve = list[float | None]


def values_of(record: dict) -> dict[str, float]:
    """Return the numbers of a record of metrics.jsonl that have a curve, by the curve's name."""
    values = {f"{group}/{name}": value for group in ("losses", "colors") for name, value in record[group].items()}
    values["learning rate"] = record["learning_rate"]
    values["iterations per second"] = 1 / record["times"]["iteration"]
    return values


def charts_of(history: History) -> tuple[list[float], dict[str, dict[str, Curve]]]:
    """Return x and a chart for each quantity; a colour statistic shares its chart with the style's own."""
    x, curves = history.read()
    charts = {}
    for name, curve in curves.items():
        title = name.split("/")[-1]
        if name.startswith("colors/style_"):
            continue
        style = curves.get(name.replace("colors/", "colors/style_")) if name.startswith("colors/") else None
        charts[title] = {"painted": curve, "style": style} if style else {"": curve}
    return x, charts


def windows_of(history: History) -> tuple[list[float], dict[str, dict[str, Curve]]]:
    """Return x and the few windows of a live monitor, with their curves by name."""
    x, curves = history.read()
    windows: dict[str, dict[str, Curve]] = {}
    for name, curve in curves.items():
        group, _, title = name.rpartition("/")
        windows.setdefault(group or title, {})[title] = curve
    return x, windows
