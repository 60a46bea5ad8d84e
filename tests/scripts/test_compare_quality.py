"""scripts/proof/compare_quality.py: what it trains, what a second call does, and the arithmetic of its tables."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from scripts.proof import compare_quality
from tests.helpers.flags import CUT, TINY
from tests.helpers.launch import call, refusal
from util.checkpoint import load
from util.report.metrics_log import read


@pytest.mark.slow
def test_compare_quality_trains_continues_and_measures(dataroot, tmp_path):
    folders = f"--checkpoints_dir {tmp_path}/runs --results_dir {tmp_path}/results --display_id -1"
    command = f"{dataroot} --small --seeds 5 --variants reference {folders} {TINY} {CUT} --print_freq 4"
    for epochs in (1, 2):
        printed = call(compare_quality.main, f"{command} --n_epochs {epochs}").stdout
    folder = tmp_path / "runs/set_reference_small_seed5"
    assert json.loads((folder / "train_opt.json").read_text())["seed"] == 5
    assert load(folder / "latest_net_G.pth")["model.1.weight"].dtype == torch.float64
    assert [record["epoch"] for record in read(folder / "metrics.jsonl")] == [1, 2]
    rows = json.loads((tmp_path / f"results/{folder.name}/evaluation_latest/metrics.json").read_text())
    for figure in ("ab_error", "patch_distance", "ab_distance"):
        value = f"{rows[folder.name][figure]['value']:.2f}"
        assert f"| reference | {value} | {value} | 0.00 |" in printed


def test_variant_has_a_run_of_its_own_and_its_flags_after_those_of_the_recipe():
    name, words = compare_quality.variant("rough=--lambda_TV 0")
    args = Namespace(dataroot=Path("/set"), small=False)
    program, *flags = compare_quality.command(name, words, 7, args, ["--lr", "0.1"])
    assert program == "train.py"
    assert " ".join(flags).endswith("--lambda_TV 0 --lr 0.1 --name set_rough_seed7 --seed 7")


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
def test_compare_quality_refuses_a_mistake_before_it_trains(dataroot, tmp_path, mistake):
    message = refusal(compare_quality.main, f"{dataroot} --checkpoints_dir {tmp_path}/runs {mistake}")
    assert ("--nope" if "nope" in mistake else "other") in message and not (tmp_path / "runs").exists()
