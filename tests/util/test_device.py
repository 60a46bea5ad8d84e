"""Memory on the CPU: a step uses what the step before has freed. Which accelerator a process takes."""

import platform

import pytest

from tests.helpers.launch import output_of
from util import device
from util.errors import UsageError, UserError

STEPS = """
import resource, sys, torch
from util.device import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(15):  # the places of glibc's aligned blocks settle after some rounds
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(2**24) for _ in range(2)]  # 64 MiB each
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc returns large blocks at once")
def test_keep_freed_memory_spares_later_tensors_fresh_pages():
    assert int(output_of(["-c", STEPS, "leave"])) > 10_000  # 128 MiB in pages of 4 KiB are 32768
    assert int(output_of(["-c", STEPS, "keep"])) < 100


def take(monkeypatch, text: str, rank: int, processes: int, found: int) -> list[int]:
    monkeypatch.setattr(device, "_count_accelerators", lambda: found)
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    return device.parse_gpu_ids(text)


def test_gpu_ids_give_each_process_of_a_machine_its_own(monkeypatch):
    assert [take(monkeypatch, "auto", rank, 4, 4) for rank in range(4)] == [[0], [1], [2], [3]]
    assert [take(monkeypatch, "3,1", rank, 2, 4) for rank in range(2)] == [[3], [1]]
    assert take(monkeypatch, "auto", 0, 1, 4) == take(monkeypatch, "0", 0, 1, 4) == [0]
    assert take(monkeypatch, "-1", 1, 2, 4) == take(monkeypatch, "auto", 1, 2, 0) == []


@pytest.mark.parametrize(("text", "processes", "found", "message"), [
    ("auto", 4, 2, "4 processes on this machine need as many GPUs, not 2; start torchrun with --nproc_per_node 2"),
    ("0", 2, 2, "2 processes on this machine need as many GPUs, not 1"),
    ("0,1", 1, 2, "one process trains on one GPU; for 2 GPUs start torchrun --nproc_per_node 2"),
    ("0,5", 2, 2, "2 accelerators found here"),
])  # fmt: skip
def test_gpu_ids_that_are_not_there_are_refused(monkeypatch, text, processes, found, message):
    with pytest.raises(UsageError, match=message):
        take(monkeypatch, text, 0, processes, found)


def test_local_rank_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "first")
    with pytest.raises(UserError, match="LOCAL_RANK=first in the environment: expected a number"):
        device.parse_gpu_ids("-1")
