"""scripts/benchmark.py: its rows, its ratio to another checkout, and what scripts/measure.py counts."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from skimage.io import imread

ROOT = Path(__file__).parents[2]
TINY = ["--device", "cpu", "--size", "32", "--ngf", "4", "--rounds", "3"]


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("measure")


def benchmark(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "scripts/benchmark.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_ours_is_measured_beside_another_checkout(tree, tmp_path):
    """The other is a copy of ours that takes its time: each side must run its own code."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    slow = tree / "models/cut_model.py"
    first = "        if self.use_GAN:\n            self.update("
    assert first in slow.read_text()
    slow.write_text(slow.read_text().replace(first, f"        __import__('time').sleep(0.3)\n{first}"))
    out = ["--out", tmp_path / "figures", "--json", tmp_path / "rows.json"]
    done = benchmark("--upstream", tree, *TINY, "--models", "cut", "cyclegan", *out)
    assert done.returncode == 0, done.stderr
    cut, cyclegan = json.loads((tmp_path / "rows.json").read_text())
    assert (cut["model"], cut["size"], cyclegan["model"]) == ("cut", 32, "cyclegan")
    times = cut["seconds_per_iteration"]
    assert 0 < times["min"] <= times["median"] <= times["max"]
    assert cut["ratio_to_upstream"] == pytest.approx(times["median"] / (times["median"] + 0.3), rel=0.4)
    assert cyclegan["ratio_to_upstream"] is None and cyclegan["peak_memory_bytes_of_upstream"] is None
    assert all(5e7 < row["peak_memory_bytes"] < 5e10 for row in (cut, cyclegan))
    for name in ("flops", "bytes", "share_of_flops_ceiling", "share_of_bytes_ceiling"):
        assert cut[name] > 0 and cyclegan[name] > 0
    assert f"| cut | 32 | {times['median']:.4g} |" in done.stdout and "ngf 4, batch 1, 3 rounds" in done.stdout
    assert imread(tmp_path / "figures/benchmark.png").shape[1] == 1200


@pytest.mark.parametrize(("flags", "words"), [(["--upstream", "/nowhere"], "expected a checkout of CUT"),
                                              (["--rounds", "0"], "--rounds"), (["--nope"], "--nope")])  # fmt: skip
def test_a_mistake_is_one_line(flags, words):
    done = benchmark(*TINY, *flags)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert words in done.stderr


def test_bytes_are_those_read_and_written_and_views_move_none(measure):
    class Step:
        device = "cpu"

        def set_input(self, batch):
            self.x = batch["x"]

        def optimize_parameters(self):
            product = self.x @ self.x.t()  # reads 2 x 40 bytes, writes 100
            product.view(25)[3:].add_(1.0)  # reads and writes 88

    assert measure.count_bytes(Step(), {"x": torch.ones(5, 2)}) == 2 * 40 + 100 + 2 * 88


def test_ratios_are_taken_within_rounds(measure):
    assert measure.median_ratio([2.0, 8.0, 30.0], [1.0, 2.0, 10.0]) == 3 and measure.median_ratio([1.0], None) is None
