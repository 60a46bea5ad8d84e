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
    sizes, share, limit = [], 0.0, time.monotonic() + 60 + STEPS
    while share < 0.95 and time.monotonic() < limit:
        size = size_of(fork.pid)
        ended = re.findall(r"end of epoch (\d+) /", fork.stdout())
        share = int(ended[-1]) / epochs if ended else 0.0
        if 0.3 < share < 0.95:
            sizes.append(size)
        time.sleep(0.02)
    done = fork.wait(60 + STEPS)
    assert done.code == 0, done.stderr
    half = len(sizes) // 2
    # The smallest: a file is open while it is written.
    before, later = (tuple(map(min, zip(*part, strict=True))) for part in (sizes[:half], sizes[half:]))
    memory, memory_later = sizes[0][0], sizes[-1][0]
    print(f"{STEPS} steps: memory {memory / 1e6:.1f}, then {memory_later / 1e6:.1f} MB; files {before[1]}, {later[1]}; "
          f"threads {before[2]}, {later[2]}")  # fmt: skip
    assert half > 3 and memory_later - memory < _MOST_GROWTH and later[1:] == before[1:]
