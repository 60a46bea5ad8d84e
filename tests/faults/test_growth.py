"""Memory, open files and threads of a long training stay the same.

`GROWTH_STEPS=5000 python -m pytest tests/faults/test_growth.py` trains longer than the suite does.
"""

import os
import re
import time
from pathlib import Path

import pytest

from tests.faults.case import TRAIN
from tests.helpers.forks import Fork

STEPS = int(os.environ.get("GROWTH_STEPS", 120))
_MOST_GROWTH = 12e6  # bytes: what the allocator of the system keeps of its own


def size_of(pid: int) -> tuple[int, int, int]:
    """Return the bytes of memory, the open files and the threads of a process."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(process / "fd")), len(os.listdir(process / "task"))


@pytest.mark.slow
def test_nothing_grows_in_a_long_training(folder):
    """With all that a run writes: states, networks, logs and pages."""
    epochs = STEPS // 2  # of two images
    flags = "--print_freq 2 --update_html_freq 20 --save_latest_freq 20 --save_epoch_freq 50"
    fork = Fork(f"{TRAIN.replace('--no_html', '')} --name new --n_epochs {epochs} {flags}", folder)
    sizes, limit = {}, time.monotonic() + 60 + STEPS
    while time.monotonic() < limit:
        ended = re.findall(r"end of epoch (\d+) /", fork.stdout())
        share = int(ended[-1]) / epochs if ended else 0
        for mark in (0.3, 0.9):
            if share >= mark:
                sizes.setdefault(mark, size_of(fork.pid))
        if len(sizes) == 2:
            break
        time.sleep(0.05)
    done = fork.wait(60 + STEPS)
    assert done.code == 0, done.stderr
    (memory, files, threads), (memory_later, files_later, threads_later) = sizes[0.3], sizes[0.9]
    print(
        f"{STEPS} steps: memory {memory / 1e6:.1f}, then {memory_later / 1e6:.1f} MB; files {files}; threads {threads}"
    )
    assert memory_later - memory < _MOST_GROWTH and (files_later, threads_later) == (files, threads)
