"""The alarm against the failure that colorization is prone to: all pictures in one tone."""

from argparse import Namespace

_LEAST = 0.25  # of the style's spread; trained runs are well above, see docs/reading-the-curves.md
_AFTER = 1000  # pictures: at the start every generator paints grey
_READINGS = 3  # in a row, so that one odd moment is no alarm


class CollapseAlarm:
    """Compares `spread_least` (util/report/color_spread.py) of what is painted with the style's own."""

    def __init__(self, opt: Namespace):
        """Args: opt: the run's options, whose flags are named as cures."""
        self.opt = opt
        self.warning: str | None = None  # what is to be said as long as it holds
        self._low = 0

    def check(self, colors: dict[str, float], pictures: int) -> bool:
        """Take a reading after so many pictures of the run; return whether the alarm has just gone on or off."""
        if not colors or pictures < _AFTER:
            return False
        painted, style = colors["spread_least"], colors["style_spread_least"]
        # A style that has one tone itself asks for no more.
        self._low = self._low + 1 if painted < _LEAST * style else 0
        was = self.warning
        self.warning = self._text(painted, style) if self._low >= _READINGS else None
        return (was is None) != (self.warning is None)

    def _text(self, painted: float, style: float) -> str:
        cures = " or ".join(self._cures())
        return (f"one tone everywhere: in their narrowest direction colours spread by {painted:.1f} Lab units, those "
                f"of the style by {style:.1f}. Try {cures} (docs/reading-the-curves.md)")  # fmt: skip

    def _cures(self) -> list[str]:
        """Return the flags that this model has and that could help."""
        options, cures = vars(self.opt), []
        if options.get("lambda_GAN") == 0:
            cures.append("a --lambda_GAN above 0")
        if options.get("lambda_TV"):
            cures.append(f"a smaller --lambda_TV (now {self.opt.lambda_TV:g})")
        if options.get("lambda_Var") is not None:
            cures.append(f"a larger --lambda_Var (now {self.opt.lambda_Var:g})")
        return [*cures, f"a smaller --lr (now {self.opt.lr:g})"]
