"""How long a run will take, from its first steps."""

import time
from argparse import Namespace

_LEAST_STEPS, _LEAST_SECONDS = 10, 20.0  # that are timed, unless a step takes longer
_LEAST_TOLD = 60.0  # seconds
_LONG_ON_CPU = 3 * 3600.0  # seconds


class TimeEstimate:
    """Says once how long the steps that are left will take, and on a CPU which preset would take less."""

    def __init__(self, opt: Namespace, steps_left: int):
        self.opt, self.steps_left = opt, steps_left
        self.is_told = False
        self._steps, self._start = 0, 0.0

    def check(self) -> tuple[str, str] | None:
        """Count a step. Return the estimate and the advice, which can be empty, when there are enough steps for it.

        The first step is not timed: memory and threads begin in it.
        """
        self._steps += 1
        if self._steps == 1:
            self._start = time.perf_counter()
        timed, seconds = self._steps - 1, time.perf_counter() - self._start
        if self.is_told or timed == 0 or (timed < _LEAST_STEPS and seconds < _LEAST_SECONDS):
            return None
        self.is_told = True
        step, left = seconds / timed, seconds / timed * (self.steps_left - self._steps)
        if left < _LEAST_TOLD:
            return None
        estimate = f"a step takes {step:.2g} s, the {self.steps_left - self._steps} steps that are left {_text(left)}"
        return estimate, self._advice(left)

    def _advice(self, left: float) -> str:
        opt = self.opt
        is_small = opt.crop_size <= 64 and opt.ngf <= 16
        if opt.device.type != "cpu" or left < _LONG_ON_CPU or is_small:
            return ""
        preset = "best_small" if opt.model == "colorcut" else "small"
        return f"this is a size for a GPU; --preset {preset} is made for a CPU"


def _text(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.1f} hours" if hours >= 1.5 else f"{seconds / 60:.0f} minutes"
