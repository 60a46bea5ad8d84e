"""Several processes under torchrun: the same steps as one with a larger batch, one that writes, and one that dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.runs import COLORCUT, ROOT, train
from util.report.metrics_log import read

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
TINY = ("--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --load_size 36 --num_threads 0 --seed 1 "
        "--init_gain 1 --no_dropout true --pool_size 0 --normG instance --normD instance")  # fmt: skip
CUT = "--netF_nc 16 --num_patches 16 --nce_layers 0,4,8"
MODELS = {
    "CUT": f"--model cut {CUT}",
    "FastCUT": f"--model cut --CUT_mode FastCUT {CUT}",
    "ColorCUT": f"--model colorcut {CUT}",
    "ColorCUT of grey": f"--model colorcut --idt_input gray --flip_equivariance {CUT}",
    "CycleGAN": "--model cycle_gan --dataset_mode grayscale_unaligned",
    "pix2pix": "--model pix2pix --dataset_mode colorization --netG resnet_4blocks",
}


def steps(launcher: list[str], file: Path, pictures: Path, flags: str) -> dict[str, dict]:
    """Take the steps of all models in processes that a launcher starts."""
    lines = [f"--dataroot {pictures} {TINY} {of_model} {flags}" for of_model in MODELS.values()]
    command = [*launcher, "-m", "tests.steps", str(file), *lines]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return dict(zip(MODELS, torch.load(file), strict=True))


def test_processes_and_micro_batches_take_the_step_of_one_large_batch(pictures, tmp_path):
    """Losses, weights and the reference of the style, in float64 with plain SGD; each picture once an epoch."""
    whole = steps([sys.executable], tmp_path / "whole.pt", pictures, "--batch_size 4")
    ways = {
        "2 processes": steps([*TORCHRUN, "2"], tmp_path / "two.pt", pictures, "--batch_size 2"),
        "micro-batches": steps([sys.executable], tmp_path / "micro.pt", pictures, "--accumulate 4"),
        "both": steps([*TORCHRUN, "2"], tmp_path / "both.pt", pictures, "--accumulate 2"),
    }
    for (way, answers), name in ((item, name) for item in ways.items() for name in MODELS):
        answer, one = answers[name], whole[name]
        taken = [picture for process in answer["taken"] for picture in process]
        assert sorted(taken) == sorted(one["taken"][0]) and len({picture[:2] for picture in taken}) == 8, (way, name)
        assert len(answer["losses"]) == 2
        for ours, theirs in zip(answer["losses"], one["losses"], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12), (way, name)
        for key, value in one["weights"].items():
            assert torch.allclose(answer["weights"][key], value, rtol=1e-9, atol=1e-12), (way, name, key)


def start(processes: int, *flags: object) -> subprocess.Popen:
    """Start train.py in several processes; stdout and stderr are pipes with text."""
    command = [*TORCHRUN, str(processes), "train.py", *map(str, flags)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def flags_of(pictures: Path, folder: Path) -> list[object]:
    """A rate that does not depend on the number of epochs, so that runs of different lengths can be compared."""
    return ["--dataroot", pictures, *COLORCUT, "--init_gain", 1, "--print_freq", 4, "--display_id", -1, "--name", "run",
            "--checkpoints_dir", folder, "--lr_policy", "step", "--lr_decay_iters", 10**6]  # fmt: skip


def processes_of(launcher: subprocess.Popen) -> dict[int, int]:
    """Return the process ids of a run by rank."""
    tasks = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    ranks = {}
    for pid in map(int, tasks):
        environment = dict(line.split("=", 1) for line in Path(f"/proc/{pid}/environ").read_text().split("\0") if line)
        ranks[int(environment["RANK"])] = pid
    return ranks


def test_a_stopped_run_goes_on_with_another_number_of_processes(pictures, tmp_path):
    """Stopped by Ctrl-C with two, gone on with one: lines, epochs and pictures as if one had trained alone."""
    with start(2, *flags_of(pictures, tmp_path / "two"), "--n_epochs", 1000) as run:
        said = []
        for line in run.stdout:
            said.append(line)
            if "epoch: 3, iters: 4" in line:
                run.send_signal(signal.SIGINT)
        complaints = run.stderr.read()
    said = "".join(said)
    assert said.count("(epoch: 1, iters: 4") == 1 and said.count("stopped and saved") == 1, complaints
    assert "Traceback" not in said
    files = {path.name for path in (tmp_path / "two/run").iterdir()}
    assert {"latest_state.pth", "latest_net_G.pth", "loss_log.txt", "metrics.jsonl", "train_opt.json"} <= files
    epochs = read(tmp_path / "two/run/metrics.jsonl")[-1]["epoch"] + 2
    again = ["--name", "run", "--checkpoints_dir", tmp_path / "two", "--gpu_ids", -1, "--continue_train"]
    said = "a step took 2 pictures so far, --batch_size times --accumulate times processes, and now"
    assert f"{said} 1\n" in train(*again, "--n_epochs", 1).stdout  # nothing is left to do in one epoch
    done = train(*again, "--batch_size", 2, "--n_epochs", epochs)
    assert done.returncode == 0 and said not in done.stdout, done.stderr
    assert train(*flags_of(pictures, tmp_path / "one"), "--batch_size", 2, "--n_epochs", epochs).returncode == 0
    both = [read(tmp_path / name / "run/metrics.jsonl") for name in ("two", "one")]
    for ours, theirs in zip(*both, strict=True):
        assert [ours[key] for key in ("epoch", "epoch_iter", "iteration", "pictures")] == [
            theirs[key] for key in ("epoch", "epoch_iter", "iteration", "pictures")
        ]
        assert ours["losses"] == pytest.approx(theirs["losses"], rel=0.02, abs=0.01)


@pytest.mark.parametrize("dead", [0, 1])
def test_a_dead_process_ends_all_in_one_line_and_the_run_goes_on(pictures, tmp_path, dead):
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are told apart by /proc")
    flags = [*flags_of(pictures, tmp_path), "--save_latest_freq", 4]
    with start(2, *flags, "--n_epochs", 100000) as run:
        for line in run.stdout:
            if "epoch: 3, iters: 4" in line:
                os.kill(processes_of(run)[dead], signal.SIGKILL)
        said = run.stderr.read()
    assert run.returncode != 0
    errors = [line for line in said.splitlines() if "error: " in line]
    assert len(errors) == 1 and "another process of this run has ended, so all end; go on" in errors[0], said
    done = train("--name", "run", "--checkpoints_dir", tmp_path, "--gpu_ids", -1, "--continue_train", "--n_epochs", 3)
    assert done.returncode == 0 and ("continuing at epoch" in done.stdout or "epochs are done" in done.stdout)


def test_an_error_of_one_process_is_told_once(pictures, tmp_path):
    """A picture that cannot be read; whoever meets it says so, and the other process says nothing."""
    broken = pictures / "trainA/2.png"
    broken.write_bytes(broken.read_bytes()[:-600])
    with start(2, *flags_of(pictures, tmp_path)) as run:
        said = run.communicate()[1]
    errors = [line for line in said.splitlines() if "error: " in line]
    assert run.returncode != 0 and len(errors) == 1 and str(broken) in errors[0], said
