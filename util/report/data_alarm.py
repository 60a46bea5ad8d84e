"""The word that a run is given which its pictures hold up."""

import os
from argparse import Namespace

_MOST = 0.2  # of the time
_SECONDS = 30  # that are judged at once: one slow moment of a disk is no alarm


class DataAlarm:
    """Adds up how long training waits for pictures, and says once that it is too long."""

    def __init__(self, opt: Namespace, filling: int | None):
        """Args: opt: its flags are named as cures; filling: the epoch that fills the cache; None: there is no cache."""
        self.opt, self.filling = opt, filling
        self._settled = self._told = False
        self._waited = self._seconds = 0.0

    def check(self, waited: float, seconds: float, epoch: int) -> str | None:
        """Take a reading, seconds waited of seconds passed, at a point in an epoch; return what is to be said now.

        The first reading does not count, since loading processes start in it; nor does any that the filling of the
        cache reaches into.
        """
        counts, self._settled = self._settled, epoch != self.filling
        if self._told or not counts:
            return None
        self._waited, self._seconds = self._waited + waited, self._seconds + seconds
        if self._seconds < _SECONDS:
            return None
        share, self._waited, self._seconds = self._waited / self._seconds, 0.0, 0.0
        self._told = share > _MOST
        return self._text(share) if self._told else None

    def _text(self, share: float) -> str:
        cures = ["more processors" if self.filling else "a faster disk"]
        if self.opt.cache == "off":
            cures.insert(0, "--cache auto")
        if self.opt.num_threads < (os.cpu_count() or 1):
            cures.insert(0, f"a larger --num_threads (now {self.opt.num_threads})")
        return f"training waits for pictures {share:.0%} of the time. Try {' or '.join(cures)}"
