"""The alarms: images of one tone, and training that waits for data; in a real slow run too."""

import re
import time
from argparse import Namespace

import pytest

from data.unaligned_dataset import UnalignedDataset
from tests.helpers.flags import TRAIN
from tests.helpers.launch import run
from util.report import alarms
from util.report.alarms import CollapseAlarm, DataAlarm

LOW = {"spread_least": 2.4, "style_spread_least": 10.0}
HIGH = {"spread_least": 2.6, "style_spread_least": 10.0}


@pytest.fixture
def alarm() -> CollapseAlarm:
    return CollapseAlarm(Namespace(lr=2e-4, lambda_TV=0.5, lambda_Var=0.0))


def test_collapse_alarm_goes_on_after_three_low_readings_and_names_numbers_and_flags(alarm):
    changes = [alarm.check(LOW, 2000 + 100 * n) for n in range(5)]
    assert changes == [False, False, True, False, False]
    assert "by 2.4 Lab units, those of the style by 10.0" in alarm.warning and "\n" not in alarm.warning
    assert "a smaller --lambda_TV (now 0.5) or a larger --lambda_Var (now 0) or a smaller --lr" in alarm.warning
    assert alarm.check(HIGH, 3000) and alarm.warning is None


def test_collapse_alarm_counts_readings_in_a_row(alarm):
    assert not any(alarm.check(colors, 2000) for colors in (LOW, LOW, HIGH, LOW, LOW))


def test_collapse_alarm_is_off_at_the_start(alarm):
    assert not any(alarm.check(LOW, images) for images in range(0, 1000, 50)) and alarm.warning is None


def test_collapse_alarm_compares_with_the_style(alarm):
    sepia = {"spread_least": 0.4, "style_spread_least": 0.5}
    assert not any(alarm.check(sepia, 2000) for _ in range(9))


def test_collapse_alarm_names_only_flags_of_the_model():
    alarm = CollapseAlarm(Namespace(lr=0.01))
    assert [alarm.check(LOW, 5000) for _ in range(3)][-1]
    assert "--lambda" not in alarm.warning and "--lr (now 0.01)" in alarm.warning
    assert not alarm.check({}, 6000)  # a model that generates no color images


def data_alarm(filling_epoch: int | None = None, **options: object) -> DataAlarm:
    return DataAlarm(Namespace(**{"cache": "auto", "num_threads": 4, **options}), filling_epoch)


@pytest.fixture
def processors(monkeypatch):
    monkeypatch.setattr(alarms.os, "cpu_count", lambda: 8)


@pytest.mark.usefixtures("processors")
def test_data_alarm_warns_once_with_the_share_and_the_cures():
    slow = data_alarm(cache="off")
    warnings = [slow.check(3, 10, 1) for _ in range(12)]
    cures = "a larger --num_threads (now 4) or --cache auto or a faster disk"
    assert warnings == [None] * 3 + [f"training waits for images 30% of the time. Try {cures}"] + [None] * 8


@pytest.mark.usefixtures("processors")
@pytest.mark.parametrize(("filling", "cure"), [(None, "a faster disk"), (1, "more processors")])
def test_data_alarm_names_no_cure_that_cannot_help(filling, cure):
    busy = data_alarm(filling, num_threads=8)
    (warning,) = filter(None, (busy.check(30, 31, epoch) for epoch in (1, 2, 2)))
    assert warning.endswith(f"of the time. Try {cure}")


def test_data_alarm_skips_the_first_reading():
    assert not any(map(data_alarm().check, (30, 1, 6, 6, 0), [31] * 5, [1] * 5))


def test_data_alarm_judges_half_minutes():
    uneven = data_alarm()
    assert not any(uneven.check(waited, 10, 1) for waited in (0, 5, 0, 0, 5, 0, 0))
    assert [bool(uneven.check(5, 10, 1)) for _ in range(4)] == [False, False, True, False]


def test_data_alarm_skips_what_the_filling_of_the_cache_reaches_into():
    filling = data_alarm(filling_epoch=3)
    assert not any(filling.check(30, 31, epoch) for epoch in (3, 3, 4)) and filling.check(30, 31, 4)


@pytest.mark.slow
def test_data_alarm_warns_in_a_run_with_slow_images(dataroot, tmp_path, monkeypatch):
    monkeypatch.setattr(alarms, "_WINDOW_SECONDS", 0.3)
    read = UnalignedDataset.__getitem__
    monkeypatch.setattr(UnalignedDataset, "__getitem__", lambda *args: (time.sleep(0.5), read(*args))[1])
    flags = "--cache off --n_epochs 2 --n_epochs_decay 0 --print_freq 2 --no_html --quiet"
    done = run(f"{TRAIN} --dataroot {dataroot} --checkpoints_dir {tmp_path} {flags}")
    line = r"warning: training waits for images \d\d% of the time\. Try .*--cache auto or a faster disk\n"
    assert done.stdout == "" and re.fullmatch(line, done.stderr), done.stderr
