"""Memory on the CPU: what a step gave back serves the next one. Which accelerator a process takes."""

import platform
import subprocess
import sys

import pytest

from util import device
from util.errors import UserError

STEPS = """
import resource, sys, torch
from util.device import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(15):  # glibc's aligned blocks find their places after some rounds
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(2**24) for _ in range(2)]  # 64 MiB each
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone gives large blocks back at once")
def test_large_tensors_of_a_later_step_take_no_fresh_pages():
    def fresh_pages(what: str) -> int:
        return int(subprocess.run([sys.executable, "-c", STEPS, what], capture_output=True, text=True).stdout)

    assert fresh_pages("leave") > 10_000  # 128 MiB in pages of 4 KiB are 32768
    assert fresh_pages("keep") < 100


def take(monkeypatch, text: str, number: int, processes: int, here: int) -> list[int]:
    monkeypatch.setattr(device, "_accelerators", lambda: here)
    monkeypatch.setenv("LOCAL_RANK", str(number))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    return device.parse_gpu_ids(text)


def test_each_process_of_a_machine_takes_an_accelerator_of_its_own(monkeypatch):
    assert [take(monkeypatch, "auto", number, 4, 4) for number in range(4)] == [[0], [1], [2], [3]]
    assert [take(monkeypatch, "3,1", number, 2, 4) for number in range(2)] == [[3], [1]]
    assert take(monkeypatch, "auto", 0, 1, 4) == take(monkeypatch, "0", 0, 1, 4) == [0]
    assert take(monkeypatch, "-1", 1, 2, 4) == take(monkeypatch, "auto", 1, 2, 0) == []


@pytest.mark.parametrize(("text", "processes", "here", "said"), [
    ("auto", 4, 2, "4 processes on this machine need as many GPUs, not 2; start torchrun with --nproc_per_node 2"),
    ("0", 2, 2, "2 processes on this machine need as many GPUs, not 1"),
    ("0,1", 1, 2, "a process trains on one GPU; for 2 of them start torchrun --nproc_per_node 2 train.py"),
    ("0,5", 2, 2, "2 accelerators found here"),
])  # fmt: skip
def test_accelerators_that_are_not_there_end_in_one_line(monkeypatch, text, processes, here, said):
    with pytest.raises(UserError, match=said):
        take(monkeypatch, text, 0, processes, here)
