"""Several processes under torchrun: the same steps as one process, one of them writes, and one of them dies."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import torch

from tests.helpers.flags import COLORCUT, MODELS, TINY
from tests.helpers.forks import kill_all, start_processes
from tests.helpers.images import damage
from tests.helpers.launch import TORCHRUN, output_of, refusal, start
from tests.helpers.steps import assert_same_steps, take_exact_steps
from util.distributed import with_process_group
from util.report.metrics_log import read

pytestmark = pytest.mark.slow
LUMA_KEPT = "--keep_luma --lambda_range 3 --gan_on both --gan_chroma"
KINDS = {**MODELS, "gray identity": f"{COLORCUT} --idt_input gray --flip_equivariance {LUMA_KEPT}"}


def test_processes_take_the_step_of_one_large_batch(dataroot, tmp_path):
    """Losses, weights and the reference of the style units, in float64 with SGD."""
    same = "--load_size 36 --no_dropout true --pool_size 0 --normG instance --normD instance"
    halves = ("--batch_size 2", "--accumulate 2")
    lines = [f"{dataroot} {flags} {same} {half}" for flags in KINDS.values() for half in halves]
    output_of([*f"{TORCHRUN} 2 -m tests.helpers.steps".split(), tmp_path / "steps.pt", *lines])
    steps = torch.load(tmp_path / "steps.pt")
    for flags, batch, micro in zip(KINDS.values(), steps[::2], steps[1::2], strict=True):
        expected = take_exact_steps(dataroot, f"{flags} {same} --batch_size 4")
        assert_same_steps(batch, expected)
        assert_same_steps(micro, expected)


def command(dataroot: Path, folder: Path, flags: str = "") -> str:
    """A run whose learning rate does not depend on the number of epochs, so that runs can be compared."""
    run = f"--dataroot {dataroot} --checkpoints_dir {folder} --name run --display_id -1 --print_freq 4"
    return f"train.py {TINY} {COLORCUT} {run} --lr_policy step --lr_decay_iters 1000000 {flags}"


def start_two(dataroot: Path, folder: Path, flags: str = "") -> subprocess.Popen:
    return start(f"{TORCHRUN} 2 {command(dataroot, folder, flags)}")


def continuation(folder: Path, flags: str) -> str:
    return f"train.py --checkpoints_dir {folder} --name run --continue_train --gpu_ids -1 {flags}"


def errors_of(stderr: str) -> list[str]:
    """Return our lines: torch prints warnings of its connections among them."""
    return [line for line in stderr.splitlines() if "error: " in line]


def process_ids(launcher: subprocess.Popen) -> dict[int, int]:
    """Return the process ids of a run by rank."""
    ranks = {}
    for pid in Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split():
        rank = re.search(r"\0RANK=(\d+)\0", f"\0{Path(f'/proc/{pid}/environ').read_text()}")
        ranks[int(rank[1])] = int(pid)
    return ranks


def test_processes_stop_together_and_one_process_continues(dataroot, tmp_path):
    """Stopped with Ctrl-C: lines, epochs and image counts as if one process had trained alone."""
    with start_two(dataroot, tmp_path / "two", "--n_epochs 1000 --max_memory_report") as run:
        printed = ""
        for line in run.stdout:
            printed += line
            if "epoch: 3, iters: 4" in line:
                run.send_signal(signal.SIGINT)
        stderr = run.stderr.read()
    assert printed.count("(epoch: 1, iters: 4") == 1 and printed.count("stopped and saved") == 1, stderr
    assert "Traceback" not in printed and printed.count("memory of this training step") == 1
    files = {path.name for path in (tmp_path / "two/run").iterdir()}
    assert {"latest_state.pth", "latest_net_G.pth", "loss_log.txt", "metrics.jsonl", "train_opt.json"} <= files
    epochs = read(tmp_path / "two/run/metrics.jsonl")[-1]["epoch"] + 2
    said = "a step had 2 images until now, and has 1 from here"
    assert said in output_of(continuation(tmp_path / "two", "--n_epochs 1"))  # one epoch leaves nothing to do
    assert said not in output_of(continuation(tmp_path / "two", f"--batch_size 2 --n_epochs {epochs}"))
    output_of(command(dataroot, tmp_path / "one", f"--batch_size 2 --n_epochs {epochs}"))
    both = [read(tmp_path / name / "run/metrics.jsonl") for name in ("two", "one")]
    for ours, theirs in zip(*both, strict=True):
        counts = ("epoch", "epoch_iter", "iteration", "pictures")
        assert [ours[key] for key in counts] == [theirs[key] for key in counts]
        assert ours["losses"] == pytest.approx(theirs["losses"], rel=0.02, abs=0.01)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc, where processes have their rank")
def test_processes_end_in_one_line_when_the_first_dies_and_the_run_continues(dataroot, tmp_path):
    with start_two(dataroot, tmp_path, "--save_latest_freq 4 --n_epochs 100000") as run:
        for line in run.stdout:
            if "epoch: 3, iters: 4" in line:
                os.kill(process_ids(run)[0], signal.SIGKILL)
        stderr = run.stderr.read()
    (line,) = errors_of(stderr)
    assert run.returncode != 0 and "another process of this run has ended, so all end; continue" in line, stderr
    printed = output_of(continuation(tmp_path, "--n_epochs 3"))
    assert "continuing at epoch" in printed or "epochs are done" in printed


def test_processes_print_the_error_of_one_of_them_once(dataroot, tmp_path):
    damaged = damage(dataroot / "trainA/2.png")
    forks = start_processes(command(dataroot, tmp_path), tmp_path, 2)
    try:
        ended = [fork.wait() for fork in forks]
    finally:
        kill_all()
    (line,) = errors_of("".join(one.stderr for one in ended))
    assert [one.code for one in ended] == [1, 1] and str(damaged) in line, ended


def test_processes_end_in_one_line_when_another_dies(dataroot, tmp_path):
    first, second = start_processes(command(dataroot, tmp_path, "--n_epochs 100000"), tmp_path, 2)
    try:
        first.wait_for("end of epoch 2")
        second.kill()
        ended = first.wait()
    finally:
        kill_all()
    (line,) = errors_of(ended.stderr)
    assert ended.code == 1 and "another process of this run has ended, so all end; continue" in line, ended


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"RANK": "5", "WORLD_SIZE": "2"}, "MASTER_ADDR is not: start several processes with torchrun"),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}, "MASTER_PORT is not"),
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE=abc in the environment: expected a number"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "RANK=x in the environment"),
    ],
)
def test_variables_that_torchrun_did_not_set_get_one_line(monkeypatch, variables, says):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert says in refusal(with_process_group(lambda: None), "", 1)
