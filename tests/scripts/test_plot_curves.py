"""scripts/plot_curves.py on records of two runs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "scripts/plot_curves.py"


def call(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)


def test_two_runs_and_the_style_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for run, slope in (("one", 1), ("two", -1)):
        rest = {"epoch": 1, "epoch_iter": 1, "losses": {"G": 1.0}, "learning_rate": 1e-3, "times": {"iteration": 0.1}}
        records = [{"epochs": n / 4, "colors": {"spread_a": 5 + n * slope / 9, "style_spread_a": 7.0}, **rest}
                   for n in range(1, 20)]  # fmt: skip
        (tmp_path / run).mkdir()
        (tmp_path / run / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    done = call(tmp_path / "one", tmp_path / "two", "--out", tmp_path / "new/curves.png", "--only", "spread_a")
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(tmp_path / "new/curves.png").convert("RGB")).reshape(-1, 3).astype(int)
    orange = np.abs(pixels - (0xD9, 0x5F, 0x02)).sum(1) < 60
    assert orange.sum() > 200 and (pixels.sum(1) < 60).sum() > 200
    missing = call(tmp_path / "three", "--out", tmp_path / "x.png")
    assert missing.returncode == 1
    assert missing.stderr == f"error: {tmp_path / 'three'} holds no metrics.jsonl with records\n"
