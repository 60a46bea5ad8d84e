"""Warnings about a run: the generated images have one tone, or training waits for data."""

import os
from argparse import Namespace

_MIN_SPREAD_SHARE = 0.25  # of the style's spread; trained runs are well above, see docs/reading-the-curves.md
_WARMUP_IMAGES = 1000  # at the start every generator paints gray
_READINGS = 3  # low ones in a row that raise the alarm
_MAX_WAIT_SHARE = 0.2  # of the time
_WINDOW_SECONDS = 30  # that are judged at once: one slow moment of a disk is no alarm


class CollapseAlarm:
    """Warns while `spread_least` (color_spread.py) of the generated images is far below that of the style."""

    def __init__(self, opt: Namespace):
        """Args: opt: the options of the run; the warning names flags that could help."""
        self.opt = opt
        self.warning: str | None = None  # None: no alarm
        self._low_readings = 0

    def check(self, colors: dict[str, float], total_images: int) -> bool:
        """Judge a reading of ColorSpread after so many images of the run; return True if the alarm went on or off."""
        if not colors or total_images < _WARMUP_IMAGES:
            return False
        painted, style = colors["spread_least"], colors["style_spread_least"]
        low = painted < _MIN_SPREAD_SHARE * style  # relative: a style may have one tone itself
        self._low_readings = self._low_readings + 1 if low else 0
        before = self.warning
        self.warning = self._text(painted, style) if self._low_readings >= _READINGS else None
        return (before is None) != (self.warning is None)

    def _text(self, painted: float, style: float) -> str:
        options, cures = vars(self.opt), [f"a smaller --lr (now {self.opt.lr:g})"]
        if options.get("lambda_Var") is not None:
            cures.insert(0, f"a larger --lambda_Var (now {self.opt.lambda_Var:g})")
        if options.get("lambda_TV"):
            cures.insert(0, f"a smaller --lambda_TV (now {self.opt.lambda_TV:g})")
        if options.get("lambda_GAN") == 0:
            cures.insert(0, "a --lambda_GAN above 0")
        return (
            f"one tone everywhere: in their narrowest direction colors spread by {painted:.1f} Lab units, those of the "
            f"style by {style:.1f}. Try {' or '.join(cures)} (docs/reading-the-curves.md)"
        )


class DataAlarm:
    """Warns once when training spends too much of its time waiting for data."""

    def __init__(self, opt: Namespace, filling_epoch: int | None):
        """Args: filling_epoch: the epoch that fills the image cache; None without a cache."""
        self.opt, self.filling_epoch = opt, filling_epoch
        self._counts = self._warned = False
        self._waited = self._seconds = 0.0

    def check(self, waited: float, seconds: float, epoch: int) -> str | None:
        """Judge a reading, seconds waited out of seconds passed; return a warning if there is one to print now.

        The first reading does not count, since loader processes start in it; nor does one that the filling of the
        cache reaches into.
        """
        counts, self._counts = self._counts, epoch != self.filling_epoch
        if self._warned or not counts:
            return None
        self._waited, self._seconds = self._waited + waited, self._seconds + seconds
        if self._seconds < _WINDOW_SECONDS:
            return None
        share, self._waited, self._seconds = self._waited / self._seconds, 0.0, 0.0
        self._warned = share > _MAX_WAIT_SHARE
        return self._text(share) if self._warned else None

    def _text(self, share: float) -> str:
        cures = ["more processors" if self.filling_epoch else "a faster disk"]
        if self.opt.cache == "off":
            cures.insert(0, "--cache auto")
        if self.opt.num_threads < (os.cpu_count() or 1):
            cures.insert(0, f"a larger --num_threads (now {self.opt.num_threads})")
        return f"training waits for images {share:.0%} of the time. Try {' or '.join(cures)}"
