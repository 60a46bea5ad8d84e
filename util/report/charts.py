"""Line charts as inline SVG, built with dominate, without scripts or network; they follow light and dark mode."""

from collections.abc import Sequence

from dominate import svg, tags

_WIDTH, _HEIGHT = 196, 100  # of the plot, in SVG units
_LEFT, _TOP, _BELOW = 60, 6, 16  # room for -1.23e-08


def line_chart(title: str, x: Sequence[float], curves: dict[str, Sequence[float | None]]) -> tags.figure:
    """Return a figure of curves over x, the first solid and the second dashed. None leaves a gap."""
    values = [value for curve in curves.values() for value in curve if value is not None]
    low, high = min(values), max(values)
    drawing = svg.svg(viewBox=f"0 0 {_LEFT + _WIDTH + 4} {_TOP + _HEIGHT + _BELOW}", role="img", aria_label=title)
    drawing.add(svg.rect(x=_LEFT, y=_TOP, width=_WIDTH, height=_HEIGHT, cls="frame"))

    def x_of(value: float) -> float:
        return _LEFT + _WIDTH * (value - x[0]) / ((x[-1] - x[0]) or 1)

    def y_of(value: float) -> float:
        return _TOP + _HEIGHT * (1 - (value - low) / ((high - low) or 1))

    for number, curve in enumerate(curves.values()):
        for part in _unbroken(x, curve):
            points = " ".join(f"{x_of(a):.1f},{y_of(b):.1f}" for a, b in part)
            drawing.add(svg.polyline(points=points, cls=f"curve{number}"))
    for value in {low, high}:
        drawing.add(svg.text(f"{value:.3g}", x=_LEFT - 4, y=f"{y_of(value) + 4:.1f}", cls="end"))
    drawing.add(svg.text(f"{x[0]:.3g}", x=_LEFT, y=_TOP + _HEIGHT + 13))
    drawing.add(svg.text(f"{x[-1]:.4g}", x=_LEFT + _WIDTH, y=_TOP + _HEIGHT + 13, cls="end"))
    latest = ", ".join(f"{name} {_last(curve):.3g}" for name, curve in curves.items())
    return tags.figure(tags.figcaption(tags.b(title), f" {latest}"), drawing, cls="chart")


def _unbroken(x: Sequence[float], curve: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """Return the points of a curve, split into parts where it has no value."""
    parts: list[list[tuple[float, float]]] = [[]]
    for point in zip(x, curve, strict=True):
        if point[1] is None:
            parts.append([])
        else:
            parts[-1].append(point)
    return [part for part in parts if part]


def _last(curve: Sequence[float | None]) -> float:
    return next(value for value in reversed(curve) if value is not None)
