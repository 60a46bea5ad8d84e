"""Files survive what happens to them."""

import pickle
import random
from pathlib import Path

import numpy as np
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


def test_a_full_disk_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "a.pth"
    checkpoint.save_atomically({"x": torch.ones(3)}, path)

    def full(content, file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save_atomically({"x": torch.zeros(3)}, path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.pth"]
    assert torch.equal(checkpoint.load(path)["x"], torch.ones(3))


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Trap(tmp_path / "trapped")))
    torch.save({"net": Trap(tmp_path / "trapped")}, tmp_path / "new.pth")
    for name in ("evil.pth", "new.pth"):
        with pytest.raises(UserError, match=f"{name} is not a readable checkpoint"):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "trapped").exists()


def test_a_missing_or_cut_off_file_is_named(tmp_path):
    checkpoint.save_atomically({"x": torch.ones(3)}, tmp_path / "latest_net_G.pth")
    with pytest.raises(UserError, match=r"no checkpoint .*5_net_G.pth; there are latest_net_G.pth"):
        checkpoint.load(tmp_path / "5_net_G.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "latest_net_G.pth").read_bytes()[:300])
    with pytest.raises(UserError, match=r"cut\.pth is not a readable checkpoint"):
        checkpoint.load(tmp_path / "cut.pth")


def test_random_states_return_through_a_file(tmp_path):
    def draw() -> list[float]:
        return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(()).item()]

    draw()
    checkpoint.save_atomically(checkpoint.random_state(), tmp_path / "state.pth")
    expected = draw()
    checkpoint.seed_everything(0)
    checkpoint.set_random_state(checkpoint.load(tmp_path / "state.pth"))
    assert draw() == expected
