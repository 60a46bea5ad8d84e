"""scripts/proof/compare_quality.py: what it trains, what a second call does, and the arithmetic of its tables."""

import json

import pytest
import torch

from scripts.proof import compare_quality
from tests.helpers.flags import CUT, TINY
from tests.helpers.launch import ROOT, output_of
from util.checkpoint import load

FOLDERS = "--checkpoints_dir runs --results_dir results --display_id -1"
SEARCH_PATH = {"PYTHONPATH": str(ROOT)}


def compare(dataroot, flags: str) -> str:
    """Return the command line; it is run in the folder of the data root."""
    return f"{ROOT}/scripts/proof/compare_quality.py {dataroot} --small {FOLDERS} {TINY} {CUT} {flags}"


@pytest.mark.slow
def test_compare_quality_trains_continues_and_measures_each_variant(dataroot, tmp_path):
    output_of(compare(dataroot, "--seeds 5 --variants reference --n_epochs 1"), tmp_path, **SEARCH_PATH)
    command = compare(dataroot, "--seeds 5 --variants 'rough=--lambda_TV 0' reference --n_epochs 2")
    printed = output_of(command, tmp_path, **SEARCH_PATH)
    assert printed.count("end of epoch 1") == 1 and printed.count("continuing at epoch 2") == 1
    runs = {name: tmp_path / f"runs/set_{name}_small_seed5" for name in ("rough", "reference")}
    records = [json.loads((folder / "train_opt.json").read_text()) for folder in runs.values()]
    assert [(record["seed"], record["ngf"], record["lambda_TV"]) for record in records] == [(5, 4, 0), (5, 4, 0.1)]
    kinds = [load(folder / "latest_net_G.pth")["model.1.weight"].dtype for folder in runs.values()]
    assert kinds == [torch.float32, torch.float64]
    for name, folder in runs.items():
        rows = json.loads((tmp_path / f"results/{folder.name}/evaluation_latest/metrics.json").read_text())
        for figure in ("ab_error", "ab_distance"):
            value = f"{rows[folder.name][figure]:.2f}"
            assert f"| {name} | {value} | {value} | 0.00 |" in printed


def test_table_compares_variants_seed_by_seed():
    fixed = {row: {"ab_error": 30.0} for row in ("gray", "held-out style")}
    values = {"lean": [10.0, 14.0], "reference": [11.0, 12.0]}
    metrics = {name: [{**fixed, "run": {"ab_error": v}} for v in of_seeds] for name, of_seeds in values.items()}
    titles, _, *rows = compare_quality.table("ab_error", [3, 4], metrics).splitlines()
    comparison = "difference to lean by seed | their mean | max - min of lean |"
    assert titles.split(" | ", 1)[1] == f"seed 3 | seed 4 | mean | max - min | {comparison}"
    assert rows[:2] == [f"| {row} |  |  | 30.00 |  |  |  |  |" for row in fixed]
    assert rows[2] == "| lean | 10.00 | 14.00 | 12.00 | 4.00 |  |  |  |"
    assert rows[3] == "| reference | 11.00 | 12.00 | 11.50 | 1.00 | +1.00, -2.00 | -0.50 | 4.00 |"


@pytest.mark.parametrize("mistake", ["--variants lean other", "--nope", "--variants lean 'a=--nope'"])
def test_compare_quality_refuses_a_mistake_before_it_trains(dataroot, tmp_path, refusal, mistake):
    message = refusal(compare_quality.main, f"{dataroot} --checkpoints_dir {tmp_path}/runs {mistake}")
    assert ("--nope" if "nope" in mistake else "other") in message and not (tmp_path / "runs").exists()
