"""train.py and test.py as you run them: stopping, continuing, testing any size, and mistakes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.build import same_checkpoints
from tests.helpers.flags import COLORCUT, MODELS, TINY
from tests.helpers.images import noise, read, save
from tests.helpers.launch import error_of, output_of
from util.checkpoint import load


def command(dataroot: Path, folder: Path, name: str, flags: str = "", model: str = COLORCUT) -> str:
    run = f"--checkpoints_dir {folder} --name {name} --display_id -1"
    return f"train.py --dataroot {dataroot} {run} {TINY} {model} {flags}"


def continuation(folder: Path, name: str, flags: str = "") -> str:
    return f"train.py --checkpoints_dir {folder} --name {name} --continue_train --gpu_ids -1 {flags}"


NETWORKS = {"ColorCUT": ["D", "F", "G"], "CycleGAN": ["D_A", "D_B", "G_A", "G_B"], "pix2pix": ["D", "G"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_train_continues_as_if_it_had_not_stopped_and_test_colors(dataroot, tmp_path, name):
    """Pools and dropout included. And one generator alone colors a plain folder."""
    pool = "" if name == "ColorCUT" else "--pool_size 3"
    flags = f"{pool} --lr_policy linear --n_epochs_decay 0"
    output_of(command(dataroot, tmp_path, "whole", f"{flags} --n_epochs 4", MODELS[name]))
    output_of(command(dataroot, tmp_path, "parts", f"{flags} --n_epochs 2", MODELS[name]))
    assert "continuing at epoch 3" in output_of(continuation(tmp_path, "parts", "--n_epochs 4"))
    assert "all 4 epochs are done" in output_of(continuation(tmp_path, "parts"))
    saved = sorted(path.stem.removeprefix("latest_net_") for path in (tmp_path / "whole").glob("latest_net_*.pth"))
    assert saved == NETWORKS[name] and same_checkpoints(tmp_path / "whole", tmp_path / "parts")

    test = f"test.py --name whole --checkpoints_dir {tmp_path} --gpu_ids -1"
    output_of(f"{test} --dataroot {dataroot} --results_dir {tmp_path / 'results'}")
    assert len(list((tmp_path / "results/whole/test_latest/images/fake_B").glob("*.png"))) == 4
    for suffix in ("_A", "_B") if name == "CycleGAN" else ("",):
        model = f"--model test --model_suffix {suffix}" if suffix else "--model test"
        output_of(f"{test} --dataroot {dataroot / 'testA'} --results_dir {tmp_path / 'of_one'} {model}")
        gray = read(tmp_path / "of_one/whole/test_latest/images/real_A/0.png").astype(int)
        assert np.ptp(gray, axis=2).max() == 0  # as in training


@pytest.mark.slow
def test_train_stops_by_itself_and_continues_as_if_it_had_not(dataroot, tmp_path):
    output_of(command(dataroot, tmp_path, "whole", "--n_epochs 2"))
    printed = output_of(command(dataroot, tmp_path, "pieces", "--n_epochs 2 --time_limit 1e-6"))
    assert "stopped and saved" in printed
    assert "continuing at epoch 1, image 1" in output_of(continuation(tmp_path, "pieces", "--time_limit 1e-6"))
    assert "continuing at epoch 1, image 2" in output_of(continuation(tmp_path, "pieces"))  # it is not restored
    assert same_checkpoints(tmp_path / "whole", tmp_path / "pieces")


@pytest.mark.slow
def test_train_continues_with_new_rates_and_never_harms_the_record(dataroot, tmp_path):
    output_of(command(dataroot, tmp_path, "run", "--n_epochs 2 --save_epoch_freq 1"))
    record = (tmp_path / "run/train_opt.json").read_text()
    error_of(continuation(tmp_path, "run", "--ngf 8"))
    assert (tmp_path / "run/train_opt.json").read_text() == record
    # From the networks of an epoch only; the next continuation starts from the state again.
    printed = output_of(continuation(tmp_path, "run", "--epoch 1"))
    assert "continuing at epoch 2 with the networks of epoch 1 and new optimizers" in printed
    printed = output_of(continuation(tmp_path, "run", "--n_epochs 4 --lr 0.01 --beta1 0.3"))
    assert "continuing at epoch 3, image 0" in printed
    assert "end of epoch 3 / 4, learning rate 0.00146" in printed  # (1 + cos(3/4 pi)) / 2 of it
    state = load(tmp_path / "run/latest_state.pth")["model"]["optimizers"][0]["param_groups"][0]
    assert state["betas"] == (0.3, 0.999)
    # A habit from CUT: the state has its own epoch, so the learning rates stay right.
    printed = output_of(continuation(tmp_path, "run", "--n_epochs 6 --epoch_count 5"))
    assert "--epoch_count 5 is ignored" in printed
    rates = [float(line.split()[-1]) for line in printed.splitlines() if line.startswith("end of epoch")]
    assert len(rates) == 2 and rates[0] > rates[1] >= 0
    for path in (tmp_path / "run").glob("*_state*.pth"):
        torch.save([1], path)
    assert "is not a state that this version reads" in error_of(continuation(tmp_path, "run"))
    assert "there is no run" in error_of(continuation(tmp_path, "ran"))


def test_train_ends_in_one_line_and_saves_nothing_after_nan(dataroot, tmp_path):
    flags = "--lr 1e30 --save_latest_freq 3 --n_epochs 3 --print_freq 1000"
    assert "became non-finite at image" in error_of(command(dataroot, tmp_path, "run", flags))
    assert not list(tmp_path.rglob("*.pth"))


@pytest.mark.slow
def test_train_goes_on_without_dominate(dataroot, tmp_path):
    script = "import sys; sys.modules['dominate'] = None; import train; from util.errors import run; run(train.main)"
    words = command(dataroot, tmp_path, "run", "--n_epochs 2").split()[1:]
    assert output_of(["-c", script, *words]).count("dominate is not installed") == 1
    assert (tmp_path / "run/latest_net_G.pth").is_file()


@pytest.mark.slow
def test_test_takes_any_size(dataroot, tmp_path):
    output_of(command(dataroot, tmp_path, "run", "--n_epochs 1"))
    sizes = [(39, 50), (17, 23), (3, 90), (40, 48)]
    for number, size in enumerate(sizes):
        save(noise(*size), dataroot / f"testA/{number}.png")
    results = f"--checkpoints_dir {tmp_path} --results_dir {tmp_path / 'results'} --name run"
    output_of(f"test.py --dataroot {dataroot} --gpu_ids -1 --preprocess none {results}")
    painted = tmp_path / "results/run/test_latest/images/fake_B"
    assert [read(painted / f"{number}.png").shape[:2] for number in range(4)] == sizes


def test_train_prints_the_networks_and_leaves_nothing_in_a_dry_run(dataroot, tmp_path):
    flags = f"--dataroot {dataroot} --model colorcut --gpu_ids -1 --checkpoints_dir {tmp_path / 'none'}"
    printed = output_of(f"train.py --dry_run {flags}")
    # The parameters of the paper's networks, 9 blocks and the 70x70 PatchGAN, as CUT prints them.
    assert all(words in printed for words in ("11.378", "2.765", "0.560", "trainA 4, trainB 4", "lambda_TV: 0.1"))
    assert not (tmp_path / "none").exists()


MISTAKES = {  # flags: what the one line must say
    "--lamda_NCE 1": "--lambda_NCE", "--netG nope": "resnet_9blocks", "--model cut --netG unet_256": "unet_256",
    "--model test": "--model test is for test.py", "--preprocess shrink": "shrink", "--dataset_mode single": "single",
    "--lambda_GAN 0 --lambda_NCE 0": "nothing to learn", "--crop_size 512": "--load_size",
    "--input_nc 1": "--input_nc 1", "--model pix2pix --dataset_mode colorization --crop_size 128": "unet_128",
    "--context --model pix2pix --dataset_mode colorization --crop_size 256": "--context",
    "--gray_range 9 1": "--gray_range 9 1", "--model colorcut --term_units paper --lambda_TV 1": "lambda_l1",
}  # fmt: skip


@pytest.mark.parametrize(("flags", "words"), MISTAKES.items())
def test_train_ends_in_one_line_with_exit_code_2_after_a_mistake(dataroot, tmp_path, flags, words):
    command = f"train.py --dataroot {dataroot} --checkpoints_dir {tmp_path} --gpu_ids -1 --ngf 4 {flags}"
    assert words in error_of(command, code=2)


def test_train_ends_in_one_line_where_it_may_not_write(dataroot):
    assert "/proc/none" in error_of(command(dataroot, Path("/proc/none"), "run"))
