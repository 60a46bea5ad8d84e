"""scripts/benchmark.py: its rows, its ratio to another checkout, and what lib/timing.py and its worker count."""

import json

import pytest
import torch
from skimage.io import imread

from scripts.lib.step_worker import count
from scripts.lib.timing import median_ratio
from scripts.proof import benchmark
from tests.helpers.launch import ROOT, error_of, output_of, refusal

TINY = "scripts/benchmark.py --device cpu --size 32 --ngf 4 --rounds 1"


@pytest.mark.slow
def test_benchmark_measures_ours_beside_another_checkout(tree, tmp_path):
    """The other one is a copy of ours that sleeps in each step: each side must run its own code."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    slow = tree / "models/cut_model.py"
    first = "        step = TrainingStep(self)\n"
    assert first in slow.read_text()
    slow.write_text(slow.read_text().replace(first, f"        __import__('time').sleep(0.3)\n{first}"))
    out = f"--out {tmp_path}/figures --json {tmp_path}/rows.json"
    printed = output_of(f"{TINY} --models cut --upstream {tree} {out}")
    (cut,) = json.loads((tmp_path / "rows.json").read_text())
    assert (cut["model"], cut["size"]) == ("cut", 32)
    assert 0 < cut["min_s"] <= cut["median_s"] <= cut["max_s"]
    assert cut["hours_30_epochs_of_6000"] == pytest.approx(cut["median_s"] * 50)
    assert cut["ratio_to_upstream"] == pytest.approx(cut["median_s"] / (cut["median_s"] + 0.3), rel=0.4)
    assert 50 < cut["peak_memory_mib"] < 50_000 and 50 < cut["peak_memory_mib_of_upstream"] < 50_000
    assert min(cut[name] for name in ("gflop", "gb_moved", "share_of_flops", "share_of_bytes")) > 0
    assert f"| cut | 32 | {cut['median_s']:.4g} |" in printed and "ngf 4, batch 1, 1 rounds" in printed
    assert imread(tmp_path / "figures/benchmark.png").shape[1] == 1200


@pytest.mark.parametrize("mistake", ["--upstream /nowhere", "--rounds 0", "--nope"])
def test_benchmark_refuses_a_mistake_in_one_line(mistake):
    assert mistake.split()[0] in refusal(benchmark.main, mistake)


@pytest.mark.slow
def test_benchmark_starts_from_any_folder_and_ends_with_code_2_for_a_mistake(tmp_path):
    assert error_of(f"{ROOT}/scripts/benchmark.py --nope", 2, tmp_path) == "error: unrecognized arguments: --nope\n"


def test_count_adds_up_what_a_step_multiplies_reads_and_writes():
    class Step:
        device = "cpu"

        def set_input(self, batch):
            self.x = batch["x"]

        def optimize_parameters(self):
            product = self.x @ self.x.t()  # 5 x 5 x 2 multiplications and additions; reads 2 x 40 bytes, writes 100
            product.view(25)[3:].add_(1.0)  # reads and writes 88; views move nothing

    assert count(Step(), {"x": torch.ones(5, 2)}) == (2 * 50, 2 * 40 + 100 + 2 * 88)


def test_median_ratio_is_taken_within_rounds():
    record, other = ({"seconds": seconds} for seconds in ([2.0, 8.0, 30.0], [1.0, 2.0, 10.0]))
    assert median_ratio(record, other) == 3 and median_ratio(record, None) is None
