"""What a run says of the time it will take."""

from argparse import Namespace

import pytest
import torch

from util.report import time_estimate
from util.report.time_estimate import TimeEstimate


def told(monkeypatch, step: float, steps_left: int, **changes) -> tuple[int, tuple[str, str] | None]:
    """Return after how many steps of this length something is said, and what."""
    clock = [0.0]
    monkeypatch.setattr(time_estimate.time, "perf_counter", lambda: clock[0])
    values = {"model": "colorcut", "crop_size": 256, "ngf": 64, "device": torch.device("cpu"), **changes}
    estimate = TimeEstimate(Namespace(**values), steps_left)
    for number in range(1, steps_left + 1):
        clock[0] += 100 if number == 1 else step  # the first step is slow
        if said := estimate.check():
            assert all(estimate.check() is None for _ in range(50))
            return number, said
    return steps_left, None


def test_the_readme_command_on_a_cpu_is_told_after_its_second_step_with_the_preset_that_fits(monkeypatch):
    number, (estimate, advice) = told(monkeypatch, step=22, steps_left=7000)
    assert number == 2 and estimate == "a step takes 22 s, the 6998 steps that are left 42.8 hours"
    assert advice == "this is a size for a GPU; --preset best_small is made for a CPU"
    assert "--preset small " in told(monkeypatch, 22, 7000, model="cut")[1][1]


@pytest.mark.parametrize("changes", [{"device": torch.device("cuda")}, {"crop_size": 64, "ngf": 16}])
def test_nothing_is_advised_on_a_gpu_or_for_a_small_model(monkeypatch, changes):
    assert told(monkeypatch, 22, 7000, **changes)[1][1] == ""


def test_short_steps_are_told_after_eleven_and_short_runs_never(monkeypatch):
    number, (estimate, advice) = told(monkeypatch, step=0.5, steps_left=1011)
    assert number == 11 and advice == "" and estimate == "a step takes 0.5 s, the 1000 steps that are left 8 minutes"
    assert told(monkeypatch, step=0.01, steps_left=1000)[1] is None
