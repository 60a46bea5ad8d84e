"""scripts/slow_twin.py: its steps are those of training in float64, and its runs are those of train.py."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from tests.runs import COLORCUT, SMALL, weights_are_equal
from util.checkpoint import load, seed_everything

ROOT = Path(__file__).parents[2]
FLAGS = [*SMALL, "--netF_nc", "32", "--init_gain", "1"]
MODELS = {
    "CUT": ["--model", "cut"],
    "FastCUT": ["--model", "cut", "--CUT_mode", "FastCUT"],
    "ColorCUT": ["--model", "colorcut", "--lambda_TV", "0.3", "--lambda_l1", "2", "--lambda_Var", "0.4"],
    "ColorCUT without norms": ["--model", "colorcut", "--normG", "none", "--normD", "none", "--lambda_l1", "0"],
    "ColorCUT in FastCUT's mode": ["--model", "colorcut", "--CUT_mode", "FastCUT", "--lambda_GAN", "2"],
}
FLIPPED, NOT_FLIPPED = 0, 1  # seeds whose first number is below a half, and above
CASES = [(name, size, NOT_FLIPPED) for name in MODELS for size in (1, 2)]
CASES += [(name, size, FLIPPED) for name in MODELS if "Fast" in name for size in (1, 2)]


@pytest.fixture
def slow_twin(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("slow_twin")


def steps_of(model, batches: list[dict], seed: int) -> list[tuple[dict, list]]:
    """Take a step in float64 on each batch; return its losses, and the gradients that the optimizers took."""
    gradients, steps = [], []
    for optimizer in model.optimizers:
        optimizer.register_step_pre_hook(
            lambda optimizer, *_: gradients.append([p.grad.clone() for p in optimizer.param_groups[0]["params"]])
        )
    for batch in batches:
        torch.manual_seed(seed)
        model.set_input({key: value.double() if torch.is_tensor(value) else value for key, value in batch.items()})
        model.optimize_parameters()
        steps.append((model.get_current_losses(), gradients.copy()))
        gradients.clear()
    return steps


@pytest.mark.parametrize(("name", "batch_size", "seed"), CASES)
def test_steps_are_those_of_training(pictures, slow_twin, name, batch_size, seed):
    data = ["--dataroot", str(pictures), "--batch_size", str(batch_size)]
    opt = TrainOptions([*data, *FLAGS, *MODELS[name]]).parse()
    batches = list(create_dataset(opt))[:2]
    models = []
    for build in (create_model, slow_twin.create_twin):
        seed_everything(3)
        models.append(build(opt))
    lean = models[0]
    for net in lean.networks().values():
        net.double()
    if hasattr(lean, "style_sums"):
        lean.style_sums = lean.style_sums.double()
    lean, twin = (steps_of(model, batches, seed) for model in models)
    for (losses, gradients), (expected, of_twin) in zip(lean, twin, strict=True):
        assert losses == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert len(gradients) == len(of_twin) == 3
        for ours, theirs in zip(gradients, of_twin, strict=True):
            scale = max(gradient.abs().max() for gradient in theirs)
            assert all((a - b).abs().max() <= 1e-9 * scale for a, b in zip(ours, theirs, strict=True))


def train_twin(*flags: object) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/slow_twin.py", "--gpu_ids", -1, "--display_id", -1, *flags]
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)


def test_a_run_goes_on_in_float64(pictures, tmp_path):
    flags = ["--dataroot", pictures, *COLORCUT, "--checkpoints_dir", tmp_path, "--lr_policy", "step"]
    for name, epochs in {"whole": 2, "parts": 1}.items():
        assert train_twin(*flags, "--name", name, "--n_epochs", epochs).returncode == 0
    done = train_twin(*flags, "--name", "parts", "--n_epochs", 2, "--continue_train")
    assert done.returncode == 0 and "continuing at epoch 2" in done.stdout, done.stderr
    assert weights_are_equal(tmp_path / "whole", tmp_path / "parts", "latest")
    weights = load(tmp_path / "parts/latest_net_G.pth")
    assert all(weight.dtype == torch.float64 for weight in weights.values())


@pytest.mark.parametrize("mistake", ["--normG batch", "--gan_mode vanilla", "--lambda_gp 2.5", "--model cycle_gan"])
def test_what_is_not_covered_is_refused(pictures, tmp_path, mistake):
    done = train_twin("--dataroot", pictures, "--checkpoints_dir", tmp_path, *mistake.split())
    assert done.returncode == 1 and done.stderr.startswith(f"error: {mistake}: ") and done.stderr.count("\n") == 1
