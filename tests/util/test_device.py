"""Memory on the CPU: what a step gave back serves the next one."""

import platform
import subprocess
import sys

import pytest

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
