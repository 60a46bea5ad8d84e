"""scripts/compare_quality.py: what it trains, what a second call does, and the arithmetic of its tables."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.runs import SMALL
from util.checkpoint import load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def compare(pictures, tmp_path):
    """Call the script on tiny networks, which leaves its runs in tmp_path/runs."""

    def call(*flags: object) -> subprocess.CompletedProcess:
        places = ["--checkpoints_dir", "runs", "--results_dir", "results", "--display_id", -1]
        command = [sys.executable, ROOT / "scripts/compare_quality.py", pictures, "--small", *places, *SMALL, *flags]
        return subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True)

    return call


def test_variants_are_trained_go_on_and_are_measured(compare, tmp_path):
    rough = "rough=--lambda_TV 0"
    assert compare("--seeds", 5, "--variants", "twin", "--n_epochs", 1).returncode == 0
    done = compare("--seeds", 5, "--variants", rough, "twin", "--n_epochs", 2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("end of epoch 1") == 1 and done.stdout.count("continuing at epoch 2") == 1
    runs = {name: tmp_path / f"runs/set_{name}_small_seed5" for name in ("rough", "twin")}
    records = [json.loads((folder / "train_opt.json").read_text()) for folder in runs.values()]
    assert [(record["seed"], record["ngf"], record["lambda_TV"]) for record in records] == [(5, 4, 0), (5, 4, 0.1)]
    kinds = [load(folder / "latest_net_G.pth")["model.1.weight"].dtype for folder in runs.values()]
    assert kinds == [torch.float32, torch.float64]
    for name, folder in runs.items():
        rows = json.loads((tmp_path / f"results/{folder.name}/evaluation_latest/metrics.json").read_text())
        for figure in ("ab_error", "ab_distance"):
            value = f"{rows[folder.name][figure]:.2f}"
            assert f"| {name} | {value} | {value} | 0.00 |" in done.stdout


def test_differences_are_taken_seed_by_seed(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    module = importlib.import_module("compare_quality")
    fixed = {row: {"ab_error": 30.0} for row in module.FIXED}
    values = {"lean": [10.0, 14.0], "twin": [11.0, 12.0]}
    metrics = {name: [{**fixed, "run": {"ab_error": v}} for v in of_seeds] for name, of_seeds in values.items()}
    lines = module.table("ab_error", [3, 4], metrics).splitlines()
    assert lines[0].split(" | ")[1:] == ["seed 3", "seed 4", "mean", "max - min", "difference to lean by seed",
                                         "their mean", "max - min of lean |"]  # fmt: skip
    assert lines[2] == "| grey |  |  | 30.00 |  |  |  |  |"
    assert lines[-2:] == ["| lean | 10.00 | 14.00 | 12.00 | 4.00 |  |  |  |",
                          "| twin | 11.00 | 12.00 | 11.50 | 1.00 | +1.00, -2.00 | -0.50 | 4.00 |"]  # fmt: skip


@pytest.mark.parametrize(("flags", "named"), [(["--variants", "lean", "other"], "other"), (["--nope"], "--nope"),
                                              (["--variants", "lean", "a=--nope"], "--nope")])  # fmt: skip
def test_a_mistake_is_one_line_before_anything_is_trained(compare, tmp_path, flags, named):
    done = compare(*flags)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert named in done.stderr and not (tmp_path / "runs").exists()
