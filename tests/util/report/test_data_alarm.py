"""The word that pictures hold up training: once, not for a start, not while a cache fills; and in a real slow run."""

import re
import subprocess
import sys
from argparse import Namespace

import pytest

from tests.runs import SMALL
from util.report import data_alarm
from util.report.data_alarm import DataAlarm


@pytest.fixture(autouse=True)
def processors(monkeypatch):
    monkeypatch.setattr(data_alarm.os, "cpu_count", lambda: 8)


def alarm(filling: int | None = None, **options: object) -> DataAlarm:
    return DataAlarm(Namespace(**{"cache": "auto", "num_threads": 4, **options}), filling)


def test_it_speaks_once_with_the_share_and_the_cures():
    slow = alarm(cache="off")
    told = [slow.check(3, 10, 1) for _ in range(12)]
    assert told == [None] * 3 + ["training waits for pictures 30% of the time. Try a larger --num_threads (now 4) or "
                                 "--cache auto or a faster disk"] + [None] * 8  # fmt: skip


def test_cures_that_cannot_help_are_not_named():
    for filling, cure in ((None, "a faster disk"), (1, "more processors")):
        busy = alarm(filling, num_threads=8)
        (told,) = filter(None, (busy.check(30, 31, epoch) for epoch in (1, 2, 2)))
        assert told.endswith(f"of the time. Try {cure}")


def test_the_first_reading_does_not_count():
    started_slowly = alarm()
    assert not any(started_slowly.check(waited, 31, 1) for waited in (30, 1, 6, 6, 0))


def test_readings_are_judged_by_half_minutes():
    uneven = alarm()
    assert not any(uneven.check(waited, 10, 1) for waited in (0, 5, 0, 0, 5, 0, 0))
    assert [bool(uneven.check(5, 10, 1)) for _ in range(4)] == [False, False, True, False]


def test_what_reaches_into_the_filling_of_the_cache_does_not_count():
    filling = alarm(filling=3)
    assert not any(filling.check(30, 31, epoch) for epoch in (3, 3, 4)) and filling.check(30, 31, 4)


def test_a_run_with_slow_pictures_says_so(pictures, tree):
    (tree / "data/slow_dataset.py").write_text(
        "import time\n"
        "from data.unaligned_dataset import UnalignedDataset\n\n\n"
        "class SlowDataset(UnalignedDataset):\n"
        "    def read(self, path):\n"
        "        time.sleep(0.03)\n"
        "        return super().read(path)\n"
    )
    source = tree / "util/report/data_alarm.py"
    source.write_text(re.sub(r"^_SECONDS = \d+", "_SECONDS = 0.3", source.read_text(), flags=re.MULTILINE))
    command = [sys.executable, "train.py", "--dataroot", pictures, *SMALL, "--dataset_mode", "slow", "--cache", "off",
               "--num_threads", 1, "--n_epochs", 6, "--n_epochs_decay", 0, "--print_freq", 2, "--no_html",
               "--display_id", -1, "--quiet"]  # fmt: skip
    done = subprocess.run([str(word) for word in command], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == ""
    line = r"warning: training waits for pictures \d\d% of the time\. Try .*--cache auto or a faster disk\n"
    assert re.fullmatch(line, done.stderr), done.stderr
