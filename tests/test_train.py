"""train.py and test.py as a user runs them: steps, seeds, weights of 0, and continuing."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from util.checkpoint import load, seed_everything
from util.errors import UserError

SMALL = (
    "--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --netF_nc 8 --num_patches 16 "
    "--num_threads 0 --nce_layers 0,4,8,12 --seed 1"
)


def run(*arguments: str) -> subprocess.CompletedProcess:
    root = Path(__file__).parent.parent
    return subprocess.run([sys.executable, *arguments], cwd=root, capture_output=True, text=True)


def trained(pictures: Path, flags: str, steps: int = 5):
    opt = TrainOptions(f"--dataroot {pictures} {SMALL} {flags}").parse()
    seed_everything(opt.seed)
    dataset, model = create_dataset(opt), create_model(opt)
    done = 0
    while done < steps:
        for batch in dataset:
            model.set_input(batch)
            model.optimize_parameters()
            done += 1
    return model


def same_weights(one, other) -> bool:
    pairs = zip(one.networks().values(), other.networks().values(), strict=True)
    return all(torch.equal(a, b) for x, y in pairs for a, b in zip(x.parameters(), y.parameters(), strict=True))


def test_a_seeded_run_repeats_bit_for_bit(pictures):
    first = trained(pictures, "--model colorcut", 20)
    assert same_weights(first, trained(pictures, "--model colorcut", 20))


def test_weights_of_zero_are_cut_bit_for_bit(pictures):
    zero = trained(pictures, "--model colorcut --lambda_TV 0 --lambda_l1 0 --lambda_Var 0")
    cut = trained(pictures, "--model cut --dataset_mode grayscale_unaligned")
    assert same_weights(zero, cut) and zero.get_current_losses() == cut.get_current_losses()


@pytest.mark.parametrize("flags", ["--lambda_GAN 0", "--lambda_NCE 0", "--netF sample", "--batch_size 2",
                                   "--CUT_mode FastCUT", "--gan_mode wgangp --lambda_gp 10",
                                   "--normG batch --normD batch"])  # fmt: skip
def test_every_variant_takes_steps(pictures, flags):
    model = trained(pictures, f"--model colorcut {flags}", 2)
    assert all(torch.tensor(list(model.get_current_losses().values())).isfinite())


def test_continuing_equals_not_stopping(pictures, tmp_path):
    common = f"--dataroot {pictures} {SMALL} --model colorcut --checkpoints_dir {tmp_path} --n_epochs 2".split()
    assert run("train.py", "--name", "whole", *common).returncode == 0
    script = "import train, util.run_state as s; from util.errors import run; old = train.finish_epoch\n" \
             "def stop(*a): old(*a); raise SystemExit(0)\ntrain.finish_epoch = stop; run(train.main)"  # fmt: skip
    assert run("-c", script, "--name", "parts", *common, "--save_epoch_freq", "1").returncode == 0
    again = run(
        "train.py", "--name", "parts", "--checkpoints_dir", str(tmp_path), "--continue_train", "--gpu_ids", "-1"
    )
    assert again.returncode == 0 and "continuing at epoch 2" in again.stdout, again.stderr
    for name in "GFD":
        one, other = (load(tmp_path / run_name / f"latest_net_{name}.pth") for run_name in ("whole", "parts"))
        assert all(torch.equal(one[key], other[key]) for key in one)
    tested = run("test.py", "--dataroot", str(pictures), "--name", "whole", "--checkpoints_dir", str(tmp_path),
                 "--results_dir", str(tmp_path / "results"), "--gpu_ids", "-1")  # fmt: skip
    assert tested.returncode == 0, tested.stderr
    assert len(list((tmp_path / "results/whole/test_latest/images/fake_B").glob("*.png"))) == 4


@pytest.mark.parametrize(("flags", "expected"), [("--lamda_NCE 1", "--lambda_NCE"), ("--netG nope", "resnet_9blocks"),
                                                 ("--model cut --netG unet_256", "unet_256"),
                                                 ("--preprocess shrink", "shrink")])  # fmt: skip
def test_mistakes_end_in_one_line(pictures, flags, expected):
    result = run("train.py", "--dataroot", str(pictures), "--gpu_ids", "-1", *flags.split())
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and expected in result.stderr


def test_plateau_watches_the_mean_total_loss(pictures):
    model = trained(pictures, "--model cut --lr_policy plateau", 1)
    model.setup(model.opt)
    for value in (3.0, 5.0):
        model.loss_G = torch.tensor(value)
        model.watch_losses(1)
    model.update_learning_rate()
    assert model.metric == pytest.approx(4.0)


def test_a_bad_loss_names_term_and_iteration(pictures):
    model = trained(pictures, "--model cut", 1)
    model.watch_losses(6)
    model.loss_NCE = torch.tensor(float("nan"))
    model.watch_losses(7)
    model.watch_losses(8)
    with pytest.raises(UserError, match="NCE is not finite at iteration 7"):
        model.check_losses()
