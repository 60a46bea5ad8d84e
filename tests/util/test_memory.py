"""Free memory: that of the machine, or what control groups leave of it."""

from pathlib import Path

import pytest

from util import memory


def test_free_memory_is_no_less_than_free_shared_memory():
    everything, where = memory.free(shared=False)
    assert where == "memory" and 10e6 < everything < 1e15
    assert memory.free(shared=True)[0] < everything + 10e6  # it changes meanwhile


@pytest.mark.parametrize(
    ("own", "name", "root"),
    [("0::/job/step\n", "memory.max", ""), ("9:cpu:/\n4:memory:/job/step\n0::/\n", "memory.limit_in_bytes", "memory")],
)
def test_memory_limits_are_those_of_each_control_group_around_a_process(tmp_path: Path, own, name, root):
    (tmp_path / "own").write_text(own)
    groups = tmp_path / "cgroup" / root
    (groups / "job/step").mkdir(parents=True)
    (groups / "job" / name).write_text("5000000000\n")
    (groups / "job/step" / name).write_text("max\n" if name == "memory.max" else "9223372036854771712\n")
    (tmp_path / name).write_text("1")  # not a group
    found = memory.limits(tmp_path / "cgroup", tmp_path / "own")
    assert min(found) == 5_000_000_000 and 1 not in found
    assert memory.limits(tmp_path / "cgroup", tmp_path / "none") == []
