"""train.py, test.py and evaluate.py as a user runs them: steps, seeds, weights of 0, stopping and continuing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab
from skimage.io import imread

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from tests import runs
from util.checkpoint import load, seed_everything
from util.errors import UserError
from util.report.metrics_log import read
from util.util import save_image

SMALL = " ".join(runs.SMALL) + " --display_id -1"


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
    script = "import train; from util.errors import run; old = train.finish_epoch\n" \
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


BASELINES = {
    "cycle_gan": "--model cycle_gan --dataset_mode grayscale_unaligned --pool_size 3",
    "pix2pix": "--model pix2pix --dataset_mode colorization --pool_size 3",
}


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_go_on_as_if_they_had_not_stopped_and_are_tested(pictures, tmp_path, name):
    """Pools and dropout included; and a plain folder is painted by one generator alone."""
    places = ["--checkpoints_dir", str(tmp_path), "--gpu_ids", "-1"]
    common = ["--dataroot", str(pictures), *places, *BASELINES[name].split(), "--ngf", "4", "--ndf", "4", "--netG",
              "resnet_4blocks", "--crop_size", "32", "--num_threads", "0", "--seed", "1", "--n_epochs_decay", "0",
              "--init_gain", "1", "--display_id", "-1"]  # fmt: skip
    assert run("train.py", "--name", "whole", *common, "--n_epochs", "4").returncode == 0
    assert run("train.py", "--name", "parts", *common, "--n_epochs", "2").returncode == 0
    again = run("train.py", "--name", "parts", *places, "--continue_train", "--n_epochs", "4")
    assert again.returncode == 0 and "continuing at epoch 3" in again.stdout, again.stderr
    done = run("train.py", "--name", "parts", *places, "--continue_train")
    assert done.returncode == 0 and "all 4 epochs are done" in done.stdout
    files = sorted(path.name for path in (tmp_path / "whole").glob("latest_net_*.pth"))
    assert files == [
        f"latest_net_{net}.pth" for net in {"cycle_gan": ["D_A", "D_B", "G_A", "G_B"], "pix2pix": "DG"}[name]
    ]
    for file in files:
        one, other = (load(tmp_path / run_name / file) for run_name in ("whole", "parts"))
        assert all(torch.equal(one[key], other[key]) for key in one), file

    results = tmp_path / "results/whole/test_latest/images"
    test = ["test.py", "--name", "whole", *places, "--results_dir", str(tmp_path / "results")]
    assert run(*test, "--dataroot", str(pictures)).returncode == 0
    assert len(list((results / "fake_B").glob("*.png"))) == 4
    alone = [*test, "--dataroot", str(pictures / "testA"), "--model", "test"]
    for suffix in {"cycle_gan": ["_A", "_B"], "pix2pix": [""]}[name]:
        assert run(*alone, "--model_suffix", suffix).returncode == 0
        assert np.ptp(imread(results / "real_A/0.png").astype(int), axis=2).max() == 0  # trained on grey, so greyed
    assert run("train.py", *common, "--model", "test").stderr == "error: --model test is for test.py\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_stopped_anywhere_goes_on_as_if_it_had_not(pictures, tmp_path, number):
    common = f"--dataroot {pictures} {SMALL} --model colorcut --checkpoints_dir {tmp_path} --n_epochs 3".split()
    common += ["--batch_size", "2", "--print_freq", "2", "--save_latest_freq", "2"]
    assert run("train.py", "--name", "whole", *common).returncode == 0
    process = subprocess.Popen([sys.executable, "-u", "train.py", "--name", "parts", *common],
                               cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True)  # fmt: skip
    with process:
        for line in process.stdout:
            if "epoch: 1, iters: 4" in line:  # the first state is saved by then
                process.send_signal(number)
                break
        said = process.stdout.read()
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert number == signal.SIGKILL or "stopped and saved" in said
    again = run("train.py", "--name", "parts", "--checkpoints_dir", str(tmp_path), "--continue_train",
                "--gpu_ids", "-1")  # fmt: skip
    assert again.returncode == 0, again.stderr
    # The log goes on too: each point once, and as if nothing had happened.
    logs = [[(r["epoch"], r["epoch_iter"], r["iteration"], r["losses"]) for r in read(folder / "metrics.jsonl")]
            for folder in (tmp_path / "parts", tmp_path / "whole")]  # fmt: skip
    assert logs[0] == logs[1] and len(logs[0]) == 6
    assert runs.weights_are_equal(tmp_path / "parts", tmp_path / "whole", "latest")


def test_a_step_changes_what_it_should(pictures):
    """D's step changes D alone; the other step changes G and F alone; every weight that has a say moves."""
    model = trained(pictures, "--model colorcut --batch_size 2 --normG none --normD none --init_gain 1", 1)
    snapshots = []

    def note(*_) -> None:
        nets = model.networks().items()
        snapshots.append({f"{name}.{key}": p.clone() for name, net in nets for key, p in net.named_parameters()})

    note()
    for optimizer in model.optimizers:
        optimizer.register_step_post_hook(note)
    model.optimize_parameters()
    start, after_D, *_, end = snapshots
    assert len(snapshots) == 4
    assert {key[0] for key in start if not torch.equal(start[key], after_D[key])} == {"D"}
    assert {key[0] for key in start if not torch.equal(after_D[key], end[key])} == {"G", "F"}
    assert [key for key in start if torch.equal(start[key], end[key])] == []


def test_nan_ends_the_run_in_one_line_and_saves_nothing(pictures, tmp_path):
    result = run("train.py", "--dataroot", str(pictures), *SMALL.split(), "--lr", "1e30", "--checkpoints_dir",
                 str(tmp_path), "--save_latest_freq", "3", "--n_epochs", "3", "--print_freq", "1000")  # fmt: skip
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "is not finite at iteration" in result.stderr
    assert not list(tmp_path.rglob("*.pth"))


def test_dry_run_tells_and_leaves_nothing(pictures, tmp_path):
    result = run("train.py", "--dataroot", str(pictures), "--model", "colorcut", "--gpu_ids", "-1", "--dry_run",
                 "--checkpoints_dir", str(tmp_path / "none"))  # fmt: skip
    assert result.returncode == 0, result.stderr
    # The parameters of the paper's networks: 9 blocks and the 70x70 PatchGAN, as upstream prints them.
    assert all(words in result.stdout for words in ("11.378", "2.765", "0.560", "trainA 4, trainB 4", "lambda_TV: 0.1"))
    assert not (tmp_path / "none").exists()


def test_training_goes_on_without_dominate(pictures, tmp_path):
    script = "import sys; sys.modules['dominate'] = None; import train; from util.errors import run; run(train.main)"
    result = run("-c", script, "--dataroot", str(pictures), *SMALL.split(), "--checkpoints_dir", str(tmp_path),
                 "--n_epochs", "2", "--n_epochs_decay", "0", "--name", "run")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("dominate is not installed") == 1
    assert (tmp_path / "run/latest_net_G.pth").is_file()


def test_any_size_is_tested_and_evaluated(pictures, tmp_path):
    places = ["--checkpoints_dir", str(tmp_path), "--results_dir", str(tmp_path / "results"), "--name", "run"]
    flags = ["--dataroot", str(pictures), *SMALL.split(), "--model", "colorcut", "--n_epochs", "1"]
    assert run("train.py", *flags, *places[:2], *places[4:]).returncode == 0
    odd = {"0.png": (39, 50), "1.png": (17, 23), "2.png": (3, 90), "3.png": (40, 48)}
    for name, (height, width) in odd.items():
        save_image(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8), pictures / "testA" / name)
    arguments = ["--dataroot", str(pictures), "--gpu_ids", "-1", *places]
    tested = run("test.py", *arguments)
    assert tested.returncode == 0, tested.stderr
    for name, (height, width) in odd.items():
        with Image.open(tmp_path / "results/run/test_latest/images/fake_B" / name) as file:
            assert file.size == (width, height)
    evaluated = run("evaluate.py", *arguments)
    assert evaluated.returncode == 0, evaluated.stderr
    rows = json.loads((tmp_path / "results/run/evaluation_latest/metrics.json").read_text())
    assert list(rows) == ["grey", "mean colour", "run", "held-out style"]
    truth = [rgb2lab(imread(path))[..., 1:] for path in sorted((pictures / "testB").iterdir())]
    assert rows["grey"]["ab_error"] == pytest.approx(np.mean([np.hypot(*ab.T).mean() for ab in truth]), abs=1e-6)
    painted = tmp_path / "results/run/evaluation_latest/images/painted"
    ours = [rgb2lab(imread(path))[..., 1:] for path in sorted(painted.iterdir())]
    errors = [np.hypot(*(a - b).T).mean() for a, b in zip(ours, truth, strict=True)]
    assert rows["run"]["ab_error"] == pytest.approx(np.mean(errors), abs=1e-6)


def test_continuing_takes_new_rates_and_never_harms_the_record(pictures, tmp_path):
    first = ["train.py", "--dataroot", str(pictures), *SMALL.split(), "--model", "colorcut", "--checkpoints_dir",
             str(tmp_path), "--name", "run", "--n_epochs", "2", "--save_epoch_freq", "1"]  # fmt: skip
    again = ["train.py", "--checkpoints_dir", str(tmp_path), "--name", "run", "--continue_train", "--gpu_ids", "-1"]
    assert run(*first).returncode == 0
    record = (tmp_path / "run/train_opt.json").read_text()
    refused = run(*again, "--ngf", "8")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert (tmp_path / "run/train_opt.json").read_text() == record
    # From an epoch's networks alone; the next continuation goes on from the state again.
    assert "continuing at epoch 2 from the networks of epoch 1 alone" in run(*again, "--epoch", "1").stdout
    result = run(*again, "--n_epochs", "4", "--lr", "0.01", "--beta1", "0.3")
    assert result.returncode == 0 and "continuing at epoch 3, picture 0" in result.stdout, result.stderr
    assert "end of epoch 3 / 4, learning rate 0.00146" in result.stdout  # (1 + cos(3/4 pi)) / 2 of it
    state = load(tmp_path / "run/latest_state.pth")["model"]["optimizers"][0]["param_groups"][0]
    assert state["betas"] == (0.3, 0.999)
    # A habit from CUT: with a state the epoch is known, and the rates stay where they belong.
    habit = run(*again, "--n_epochs", "6", "--epoch_count", "5")
    assert habit.returncode == 0 and "--epoch_count 5 is not needed" in habit.stdout
    rates = [float(line.split()[-1]) for line in habit.stdout.splitlines() if line.startswith("end of epoch")]
    assert len(rates) == 2 and rates[0] > rates[1] >= 0
    torch.save([1], tmp_path / "run/latest_state.pth")
    assert "is no state that this version reads" in run(*again).stderr
    missing = run(*again[:4], "ran", *again[5:])
    assert missing.returncode == 1 and "there is no run" in missing.stderr


@pytest.mark.parametrize(("flags", "expected"), [("--lamda_NCE 1", "--lambda_NCE"), ("--netG nope", "resnet_9blocks"),
                                                 ("--model cut --netG unet_256", "unet_256"),
                                                 ("--preprocess shrink", "shrink"), ("--dataset_mode single", "single"),
                                                 ("--lambda_GAN 0 --lambda_NCE 0", "nothing to learn"),
                                                 ("--checkpoints_dir /proc/none", "/proc/none"),
                                                 ("--crop_size 512", "--load_size"), ("--input_nc 1", "--input_nc 1"),
                                                 (f"{BASELINES['pix2pix']} --crop_size 128", "unet_128"),
                                                 ("--gray_range 9 1", "--gray_range 9 1")])  # fmt: skip
def test_mistakes_end_in_one_line(pictures, tmp_path, flags, expected):
    places = ["--dataroot", str(pictures), "--checkpoints_dir", str(tmp_path)]
    result = run("train.py", *places, "--gpu_ids", "-1", *flags.split())
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
