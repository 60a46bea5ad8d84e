"""The curves of a run in memory: as many points at the end of a long run as after a short one."""

import threading


class History:
    """Values of named quantities over one x. When there are too many points, every second one goes."""

    def __init__(self, limit: int = 1000):
        """Args: limit: the most points that are kept; at least half as many of a longer run."""
        self.limit = limit
        self.every = 1  # of so many points added, one is kept
        self._added = 0
        self._x: list[float] = []
        self._curves: dict[str, list[float | None]] = {}
        self._lock = threading.Lock()  # the live monitor draws from a thread of its own

    def add(self, x: float, values: dict[str, float]) -> None:
        """Add a point; quantities may come and go."""
        with self._lock:
            self._added += 1
            if (self._added - 1) % self.every:
                return
            for name in values:
                self._curves.setdefault(name, [None] * len(self._x))
            self._x.append(x)
            for name, curve in self._curves.items():
                curve.append(values.get(name))
            if len(self._x) > self.limit:
                self._thin()

    def _thin(self) -> None:
        self.every *= 2
        del self._x[1::2]
        for curve in self._curves.values():
            del curve[1::2]

    def read(self) -> tuple[list[float], dict[str, list[float | None]]]:
        """Return the x of all points, and the values of each quantity at them, None where it had none."""
        with self._lock:
            return list(self._x), {name: list(curve) for name, curve in self._curves.items()}
