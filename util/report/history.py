"""The curves of a run in memory: as many points at the end of a long run as after a short one."""

import math
import threading


class History:
    """Values of named quantities over one x. When there are too many points, every second one goes."""

    def __init__(self, limit: int = 1000):
        """Args: limit: the most points that are kept, an even number; at least half as many of a longer run."""
        self.limit = limit
        self.every = 1  # of so many points added, one stays; the newest is there in any case
        self._added = 0
        self._x: list[float] = []
        self._curves: dict[str, list[float | None]] = {}
        self._newest_stays = True
        self._lock = threading.Lock()  # the live monitor draws from a thread of its own

    def add(self, x: float, values: dict[str, float]) -> None:
        """Add a point; quantities may come and go."""
        with self._lock:
            columns = [self._x, *self._curves.values()]
            if not self._newest_stays:
                for column in columns:
                    column.pop()
            for name in [name for name in values if name not in self._curves]:
                self._curves[name] = [None] * len(self._x)
            self._x.append(x)
            for name, curve in self._curves.items():
                curve.append(values.get(name))
            self._newest_stays = self._added % self.every == 0
            self._added += 1
            if self._newest_stays and len(self._x) > self.limit:
                self._thin()

    def _thin(self) -> None:
        self.every *= 2
        for column in [self._x, *self._curves.values()]:
            del column[1::2]

    def read(self) -> tuple[list[float], dict[str, list[float | None]]]:
        """Return the x of all points, and the values of each quantity at them, None where it had no finite one."""
        with self._lock:
            x, curves = list(self._x), {name: list(curve) for name, curve in self._curves.items()}
        for curve in curves.values():
            curve[:] = [value if value is not None and math.isfinite(value) else None for value in curve]
        return x, {name: curve for name, curve in curves.items() if any(value is not None for value in curve)}
