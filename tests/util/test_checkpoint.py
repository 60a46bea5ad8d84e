"""Checkpoint files: written whole or not at all, and read without running code."""

import errno
import pickle
from pathlib import Path

import pytest
import torch

from util import checkpoint
from util.errors import UserError


class Trap:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_save_atomically_leaves_the_old_content_on_a_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "a.pth"
    checkpoint.save_atomically({"x": torch.ones(3)}, path)

    def full(content, file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.pth"):
        checkpoint.save_atomically({"x": torch.zeros(3)}, path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.pth"]
    assert torch.equal(checkpoint.load(path)["x"], torch.ones(3))


def test_load_never_runs_code_in_a_checkpoint(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Trap(tmp_path / "trapped")))
    torch.save({"net": Trap(tmp_path / "trapped")}, tmp_path / "new.pth")
    for name in ("evil.pth", "new.pth"):
        with pytest.raises(UserError, match=f"{name} is not a readable checkpoint"):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "trapped").exists()


def test_load_names_a_missing_and_a_damaged_file(tmp_path):
    checkpoint.save_atomically({"x": torch.ones(3)}, tmp_path / "latest_net_G.pth")
    with pytest.raises(UserError, match=r"no checkpoint .*5_net_G.pth; there are latest_net_G.pth"):
        checkpoint.load(tmp_path / "5_net_G.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "latest_net_G.pth").read_bytes()[:300])
    with pytest.raises(UserError, match=r"cut\.pth is not a readable checkpoint"):
        checkpoint.load(tmp_path / "cut.pth")
