"""The alarm: on after several low readings, off again, silent at the start and for a style of one tone."""

from argparse import Namespace

import pytest

from util.report.collapse_alarm import CollapseAlarm

LOW = {"spread_least": 2.4, "style_spread_least": 10.0}
HIGH = {"spread_least": 2.6, "style_spread_least": 10.0}


@pytest.fixture
def alarm() -> CollapseAlarm:
    return CollapseAlarm(Namespace(lr=2e-4, lambda_TV=0.5, lambda_Var=0.0))


def test_it_goes_on_after_three_low_readings_and_says_the_numbers_and_the_flags(alarm):
    changes = [alarm.check(LOW, 2000 + 100 * n) for n in range(5)]
    assert changes == [False, False, True, False, False]
    assert "by 2.4 Lab units, those of the style by 10.0" in alarm.warning and "\n" not in alarm.warning
    assert "a smaller --lambda_TV (now 0.5) or a larger --lambda_Var (now 0) or a smaller --lr" in alarm.warning
    assert alarm.check(HIGH, 3000) and alarm.warning is None


def test_one_reading_above_starts_the_count_anew(alarm):
    assert not any(alarm.check(colors, 2000) for colors in (LOW, LOW, HIGH, LOW, LOW))


def test_grey_at_the_start_is_no_alarm(alarm):
    assert not any(alarm.check(LOW, pictures) for pictures in range(0, 1000, 50)) and alarm.warning is None


def test_a_style_of_one_tone_asks_for_no_more(alarm):
    sepia = {"spread_least": 0.4, "style_spread_least": 0.5}
    assert not any(alarm.check(sepia, 2000) for _ in range(9))


def test_only_flags_of_the_model_are_named():
    alarm = CollapseAlarm(Namespace(lr=0.01))
    assert [alarm.check(LOW, 5000) for _ in range(3)][-1]
    assert "--lambda" not in alarm.warning and "--lr (now 0.01)" in alarm.warning
    assert not alarm.check({}, 6000)  # a model that paints nothing
