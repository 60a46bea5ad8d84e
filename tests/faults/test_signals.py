"""Signals, limits of time, and numbers that explode: saved, told, and with an exit code that scripts can use."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from tests.faults.case import CONTINUE, EVALUATE, TEST, TRAIN, ends, snapshot
from tests.helpers.build import same_checkpoints
from tests.helpers.forks import Fork, Outcome, start_processes
from tests.helpers.images import make_dataroot, noise
from tests.helpers.launch import start
from util.report.results_page import ResultsPage
from util.run.saver import Saver

LONG = f"{TRAIN} --name new --n_epochs 3000 --save_epoch_freq 10000"
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129, signal.SIGUSR1: 0}


def saved(done: Outcome, folder: Path, code: int) -> None:
    assert done.code == code and "stopped and saved" in done.stdout and done.stderr == "", done
    ends(CONTINUE.replace("--name run", "--name new") + " --time_limit 1e-6", folder, 0, "continuing at epoch")


@pytest.mark.parametrize("number", CODES)
def test_a_signal_to_the_loading_processes_too_saves_and_stops(folder, number):
    """As batch systems and terminals send it: to every process of the job."""
    fork = Fork(f"{LONG} --num_threads 2 --cache off", folder)
    fork.wait_for("end of epoch 3")
    os.killpg(fork.pid, number)
    saved(fork.wait(), folder, CODES[number])


def test_many_signals_save_once(folder):
    fork = Fork(LONG, folder)
    fork.wait_for("end of epoch 3")
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        fork.send(number)
    done = fork.wait()
    assert done.code in CODES.values() and done.stdout.count("stopped and saved") == 1
    saved(done, folder, done.code)


def test_a_second_ctrl_c_stops_at_once(folder):
    """Also while the first one is saving."""

    def slow_save() -> None:
        from util.run import saver

        attempt = saver.Saver._attempt

        def slow(self: saver.Saver, labels: list) -> None:
            print("saving", flush=True)
            time.sleep(30)
            attempt(self, labels)

        saver.Saver._attempt = slow

    fork = Fork(LONG, folder, slow_save)
    fork.wait_for("end of epoch 1")
    fork.send(signal.SIGINT)
    fork.wait_for("saving")
    fork.send(signal.SIGINT)
    done = fork.wait(limit=10)
    assert done.code == 130 and done.stderr == "error: stopped by Ctrl-C\n"


def test_sighup_of_a_run_under_nohup_is_ignored(folder):
    fork = Fork(LONG, folder, lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None)
    fork.wait_for("end of epoch 2")
    fork.send(signal.SIGHUP)
    fork.wait_for("end of epoch 6")
    fork.send(signal.SIGTERM)
    saved(fork.wait(), folder, 143)


def slow_results() -> None:
    """Let each result take so long that a signal comes before the last one."""
    add = ResultsPage.add

    def slow(self: ResultsPage, *arguments: object) -> None:
        time.sleep(0.1)
        add(self, *arguments)

    ResultsPage.add = slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [TEST, EVALUATE])
def test_an_interrupted_test_has_a_page_of_what_it_has_colored(folder, command, number):
    make_dataroot(folder / "many", "trainA", "trainB", "testA", "testB", images=[noise(40, 48, k) for k in range(40)])
    fork = Fork(f"{command} --dataroot many", folder, slow_results)
    results = folder / ("results/run/test_latest" if command == TEST else "results/comparison/evaluation_latest")
    end = time.monotonic() + 30
    while len(list(results.glob("images/*/*.png"))) < 20 and time.monotonic() < end:
        time.sleep(0.005)
    fork.send(number)
    done = fork.wait()
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert done.code == 128 + number and done.stderr == f"error: stopped by {name}\n", done
    page = (results / "index.html").read_text()
    assert 1 <= page.count("<h2>") < 80 and (results / "results.json").is_file()
    ends(f"{command} --dataroot many --num_test 2", folder, 0)


def test_a_test_that_is_interrupted_before_its_first_image_leaves_the_page_of_the_last_one(folder):
    ends(TEST, folder, 0, "2 images")
    before = snapshot(folder / "results")

    def interrupt() -> None:
        ResultsPage.add = lambda *arguments: os.kill(os.getpid(), signal.SIGINT)

    done = ends(TEST, folder, 130, "stopped by Ctrl-C", interrupt)
    assert snapshot(folder / "results") == before, done


def test_sigusr1_before_the_first_step_is_one_line(folder):
    """There is nothing to save yet."""

    def interrupt() -> None:
        Saver.resume = lambda *arguments: os.kill(os.getpid(), signal.SIGUSR1)

    assert ends(LONG, folder, 138, "stopped by SIGUSR1", interrupt).stderr.count("\n") == 1


@pytest.mark.parametrize(("program", "after"), [("train.py", 0.0), ("train.py", 1.0), ("test.py", 0.3)])
def test_ctrl_c_while_packages_are_imported_is_one_line(folder, program, after):
    """A real process, since a fork has imported them. Args: after: seconds after the import of torch has begun."""
    flags = (
        "--name new --n_epochs 3000 --gpu_ids -1" if program == "train.py" else f"--results_dir {folder / 'results'}"
    )
    with start(f"{program} --dataroot {folder / 'set'} --checkpoints_dir {folder / 'ck'} {flags}") as process:
        try:
            while "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text():
                time.sleep(0.01)
            time.sleep(after)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode in (130, -signal.SIGINT) and "Traceback" not in err, err
    assert err in ("error: stopped by Ctrl-C\n", "")


# ---- time ------------------------------------------------------------------------------------------------------


def test_a_run_ends_before_its_time_limit(folder):
    """With the time that its save takes."""
    began = time.monotonic()
    done = ends(f"{LONG} --time_limit 0:00:04", folder, 0, "stopped and saved")
    assert time.monotonic() - began < 15 and "end of epoch 1" in done.stdout
    ends(CONTINUE.replace("--name run", "--name new") + " --time_limit 1e-6", folder, 0, "continuing at epoch")


def test_a_wall_clock_that_jumps_has_no_effect(folder):
    """It goes back a year, and forward a century."""

    def jump() -> None:
        now, jumps = time.time, [0.0, -3e7, 3e9, -1e9, 0.0]
        calls = [0]

        def jumping() -> float:
            calls[0] += 1
            return now() + jumps[calls[0] % len(jumps)]

        time.time = jumping

    done = ends(f"{TRAIN} --name new --n_epochs 5 --print_freq 2 --save_epoch_freq 1", folder, 0, "", jump)
    assert "end of epoch 5" in done.stdout and done.stderr == ""
    ends(f"{TRAIN} --name whole --n_epochs 5", folder, 0)
    assert same_checkpoints(folder / "ck/new", folder / "ck/whole")


# ---- numbers -----------------------------------------------------------------------------------------------------


def explode(first: int, last: int = 10**9) -> None:
    """Let G's total loss be NaN in these calls."""
    from models.colorcut_model import ColorCUTModel

    compute, count = ColorCUTModel.compute_G_loss, [0]

    def exploding(self: ColorCUTModel) -> torch.Tensor:
        count[0] += 1
        loss = compute(self)
        self.loss_G = loss * float("nan") if first <= count[0] <= last else loss
        return self.loss_G

    ColorCUTModel.compute_G_loss = exploding


def test_nan_stops_the_run_and_the_last_save_stays(folder):
    before = {name: digest for name, digest in snapshot(folder / "ck/run").items() if name.endswith(".pth")}
    ends(f"{CONTINUE} --n_epochs 4", folder, 1, "became non-finite at image", lambda: explode(1))
    after = snapshot(folder / "ck/run")
    assert {name: after[name] for name in before} == before


def test_nan_rolls_back_with_half_the_rate(folder):
    flags = f"{TRAIN} --name new --n_epochs 6 --save_epoch_freq 1 --on_nan rollback --lr 0.001"
    done = ends(flags, folder, 0, "", lambda: explode(5, 6))
    assert done.stderr.count("\n") == 1 and "back to the latest state with --lr 0.0005 (rollback 1 of 3)" in done.stderr
    assert "continuing at epoch 3, image 0" in done.stdout and "end of epoch 6 / 6" in done.stdout
    state = torch.load(folder / "ck/new/latest_state.pth", weights_only=True)
    assert state["options"]["lr"] == 0.0005 and '"lr": 0.0005' in (folder / "ck/new/train_opt.json").read_text()


def test_nan_in_one_of_two_processes_rolls_both_back(folder):
    command = f"{TRAIN} --name new --n_epochs 4 --save_epoch_freq 1 --on_nan rollback"
    forks = start_processes(command, folder, 2, lambda rank: explode(3, 3) if rank == 1 else None)
    first, second = (fork.wait() for fork in forks)
    assert (first.code, second.code) == (0, 0), (first, second)
    assert "back to the latest state with --lr 0.0001 (rollback 1 of 3)" in first.stderr and second.stderr == ""
    assert "end of epoch 4 / 4" in first.stdout
    state = torch.load(folder / "ck/new/latest_state.pth", weights_only=True)
    assert state["progress"]["iterations"] == 4 and state["options"]["lr"] == 0.0001


def test_nan_before_the_first_save_rolls_back_to_the_beginning(folder):
    flags = f"{TRAIN} --name new --n_epochs 2 --on_nan rollback"
    done = ends(flags, folder, 0, "", lambda: explode(2, 2))
    assert "continuing at epoch 1, image 0" in done.stdout


def test_nan_again_and_again_ends_after_three_rollbacks(folder):
    done = ends(f"{TRAIN} --name new --n_epochs 2 --on_nan rollback", folder, 1, "", lambda: explode(1))
    assert [f"rollback {number} of 3" in done.stderr for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert "after 3 rollbacks; nothing was saved since" in done.stderr


def test_lr_that_explodes_by_itself_rolls_back(folder):
    done = ends(f"{CONTINUE} --n_epochs 4 --lr 1e30 --on_nan rollback", folder, 1, "after 3 rollbacks")
    assert "--lr 5e+29" in done.stderr
    ends(f"{CONTINUE} --n_epochs 4", folder, 0, "continuing at epoch 3")


def test_nan_after_a_start_from_networks_alone_keeps_those_networks(folder):
    for path in (folder / "ck/run").glob("*_state*.pth"):
        path.unlink()
    before = {path.name for path in (folder / "ck/run").glob("*_net_*.pth")}
    again = f"{CONTINUE} --epoch latest --epoch_count 1 --n_epochs 3 --on_nan rollback"
    ends(again, folder, 1, "after 3 rollbacks", lambda: explode(1))
    assert before <= {path.name for path in (folder / "ck/run").glob("*_net_*.pth")}
