"""What a run reports: on a terminal, in a pipe, quietly, to its files, to TensorBoard, and how it ends."""

import contextlib
import itertools
import os
import re
import struct
import subprocess
import sys
import threading
from argparse import Namespace

import pytest
import torch

from models.color_losses import rgb_to_lab
from tests.helpers.flags import TRAIN
from tests.helpers.launch import ROOT, error_of, output_of, run
from tests.helpers.visdom_server import FakeServer
from util.report.color_spread import ColorSpread
from util.report.metrics_log import read
from util.report.training_report import NullReport, TrainingReport
from util.run.run_record import RunRecord
from util.run.state import Progress
from util.run_folder import RunFolder

PLAIN = (r"\(epoch: \d+, iters: \d+, time: \d+\.\d{3}, data: \d+%\) G_GAN: .* Var: \d\.\d{3} "
         r"\[\d+\.\d\d it/s, (\d+:)?\d\d:\d\d left\]")  # fmt: skip


@pytest.fixture
def opt(tmp_path) -> Namespace:
    (tmp_path / "run").mkdir()
    values = {"checkpoints_dir": tmp_path, "name": "run", "phase": "train", "n_epochs": 1, "n_epochs_decay": 0,
              "lr": 0.1, "tensorboard": False, "no_html": True, "display_winsize": 64, "display_ncols": 4,
              "display_id": -1, "display_env": "main", "display_username": None, "display_password": None,
              "display_server": "localhost", "cache": "off", "num_threads": 0}  # fmt: skip
    return Namespace(**values)


def report_of(opt: Namespace) -> TrainingReport:
    return TrainingReport(
        opt,
        RunRecord(RunFolder.of(opt), "train", {}, "options"),
        Progress(),
        ColorSpread(rgb_to_lab),
        epoch_size=4,
        step_size=2,
        fills_cache=False,
    )


def test_training_report_computes_images_only_if_something_shows_them(opt):
    report = report_of(opt)
    report.log_images(pytest.fail)
    report.update_page(pytest.fail)
    opt.no_html = False
    report.update_page(dict)  # nothing to show
    assert not report.page.folder.exists()
    report.update_page(lambda: {"fake_B": torch.zeros(1, 3, 8, 8)})
    assert (report.page.folder / "index.html").is_file()
    report.close()


def test_training_report_knows_colors_of_rgb_images_alone(opt):
    report = report_of(opt)
    for painted, style in ((torch.zeros(1, 1, 8, 8), torch.zeros(1, 3, 8, 8)), (None, None)):
        report.count_step(painted, style)
    report.log_losses({"G": 1.0}, learning_rate=0.1)
    report.count_step(*torch.zeros(2, 1, 3, 8, 8))
    report.log_losses({"G": float("nan")}, learning_rate=0.1)
    report.close()
    before, after = read(RunFolder.of(opt).metrics)
    assert before["colors"] == {} and len(after["colors"]) == 8 and before["learning_rate"] == 0.1


@pytest.mark.parametrize("fails", [None, OSError, KeyboardInterrupt])
def test_training_report_leaves_no_thread_behind(opt, fails, monkeypatch):
    """Also where closing one part of it fails."""
    before = set(threading.enumerate())
    opt.tensorboard = bool(pytest.importorskip("tensorboard"))
    with FakeServer() as server:
        opt.display_id, opt.display_port = 1, server.port
        report = report_of(opt)
        report.log_losses({"G": 1.0}, learning_rate=0.1)
        new = set(threading.enumerate()) - before
        ours = {thread for thread in new if thread.name == "visdom" or "Async" in type(thread).__name__}
        assert len(ours) == 2
        if fails:
            close = report.tensorboard.close
            monkeypatch.setattr(report.tensorboard, "close", lambda: (close(), (_ for _ in ()).throw(fails))[0])
        with pytest.raises(fails) if fails is KeyboardInterrupt else contextlib.nullcontext():
            report.close()
    assert not ours & set(threading.enumerate()) and report.console.bar.disable


def test_null_report_does_nothing():
    report = NullReport()
    report.count_step(None, None)
    report.log_losses({}, 0.1)
    report.end_epoch(3, 0.1, pytest.fail)
    assert report.batches([1]) == [1] and report.close() is None


# ---- with train.py -----------------------------------------------------------------------------------------------


@pytest.fixture
def command(dataroot, tmp_path) -> str:
    """A training of two epochs of 4 images."""
    return f"{TRAIN} --dataroot {dataroot} --checkpoints_dir {tmp_path} --name run --print_freq 2 --n_epochs 2"


def on_terminal(command: list[str], columns: int) -> str:
    """Run a program on a terminal of this width and return what it wrote there."""
    fcntl, pty, termios = (pytest.importorskip(name, reason="no terminals") for name in ("fcntl", "pty", "termios"))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    with subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        written = b""
        while True:
            try:
                written += os.read(master, 65536)
            except OSError:  # so a terminal ends whose other side is closed
                break
    os.close(master)
    assert process.returncode == 0, written.decode()
    return written.decode()


@pytest.mark.slow
def test_training_report_on_a_terminal_is_a_bar_with_losses_speed_and_time_left(command):
    written = on_terminal([sys.executable, *command.split(), "--n_epochs_decay", "0"], columns=150)
    assert "(epoch:" not in written  # what the bar shows is not printed too
    frames = [frame for frame in re.split(r"[\r\n]", written) if "it/s" in frame or "s/it" in frame]
    shown = r"100%\|.*\| 8/8 \[\d\d:\d\d<00:00, +\d+\.\d+(it/s|s/it), G_GAN: \d\.\d{3} D_real: "
    assert re.search(shown, frames[-1]), frames[-1]
    assert max(map(len, frames)) <= 150
    last = [line.strip() for line in written.split("\n") if "end of epoch" in line][-1]
    assert re.search(r"learning rate 0: G_GAN: \d.* Var: \d\.\d{3}$", last)  # all losses, however narrow the terminal


def test_training_report_in_a_pipe_is_plain_lines_each_once(command, tmp_path):
    done = run(f"{command} --n_epochs_decay 0 --update_html_freq 5")
    lines = [line for line in done.stdout.splitlines() if line.startswith("(epoch")]
    assert done.stderr == "" and "|" not in done.stdout and "\r" not in done.stdout
    assert len(lines) == len(set(lines)) == 4 and all(re.fullmatch(PLAIN, line) for line in lines), lines
    assert (tmp_path / "run/loss_log.txt").read_text().splitlines()[1:] == [line.split(" [")[0] for line in lines]
    # The last page has the last curves.
    last = read(tmp_path / "run/metrics.jsonl")[-1]["losses"]["G"]
    assert re.search(rf"<b>G</b>\s*{last:.3g}\s*<", (tmp_path / "run/web/index.html").read_text())


def test_training_report_that_is_quiet_writes_everything(command, tmp_path):
    done = run(f"{command} --n_epochs_decay 0 --quiet")
    assert (done.stdout, done.stderr) == ("", "")
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"loss_log.txt", "metrics.jsonl", "web", "latest_state.pth"} <= files
    assert len(read(tmp_path / "run/metrics.jsonl")) == 4
    assert "non-finite" in error_of(f"{command} --quiet --name wrong --lr 1e30")


def test_training_report_records_every_loss_every_statistic_and_the_times(command, tmp_path):
    output_of(f"{command} --batch_size 2 --n_epochs 3 --n_epochs_decay 0 --lr_policy cosine")
    records = read(tmp_path / "run/metrics.jsonl")
    points = [tuple(r[k] for k in ("epoch", "epoch_iter", "epochs", "iteration", "pictures")) for r in records]
    assert points == [(1, 2, 0.5, 1, 2), (1, 4, 1.0, 2, 4), (2, 2, 1.5, 3, 6), (2, 4, 2.0, 4, 8), (3, 2, 2.5, 5, 10),
                      (3, 4, 3.0, 6, 12)]  # fmt: skip
    assert list(records[0]["losses"]) == ["G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y", "TV", "l1", "Var"]
    assert len(records[0]["colors"]) == 8 and records[0]["one_tone"] is False
    assert [r["learning_rate"] for r in records][::2] == pytest.approx([2e-4, 1.5e-4, 0.5e-4])
    line = (tmp_path / "run/loss_log.txt").read_text().splitlines()[1]
    assert f"time: {records[0]['times']['iteration'] / 2:.3f}," in line  # of an image, as in CUT
    for before, after in itertools.pairwise(records):
        times = after["times"]
        passed = times["elapsed"] - before["times"]["elapsed"]
        assert 0 < times["data"] < times["iteration"] and times["iteration"] == pytest.approx(passed, rel=0.2)


@pytest.mark.slow
def test_training_report_warns_of_one_tone_on_the_console_and_on_the_page(command, tmp_path):
    """Total variation alone leaves one gray."""
    weights = "--lambda_GAN 0 --lambda_NCE 0 --lambda_l1 0 --lambda_Var 0 --lambda_TV 1 --init_gain 0.02"
    freqs = "--batch_size 4 --n_epochs 300 --print_freq 40 --update_html_freq 400 --save_epoch_freq 300"
    warnings = run(f"{command} {weights} {freqs} --n_epochs_decay 0 --quiet").stderr
    assert warnings.count("\n") == 1, warnings
    assert warnings.startswith("warning: one tone everywhere: in their narrowest direction colors spread by 0.0")
    assert "Try a --lambda_GAN above 0 or a smaller --lambda_TV (now 1) or a larger --lambda_Var (now 0)" in warnings
    warned = [record["pictures"] for record in read(tmp_path / "run/metrics.jsonl") if record["one_tone"]]
    assert warned == list(range(1080, 1201, 40))
    page = (tmp_path / "run/web/index.html").read_text()
    assert page.count('class="warning"') == 1 and "one tone everywhere" in page


def test_training_report_to_tensorboard_has_the_records_and_the_images(command, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator",
                                 reason="tensorboard is not installed; scripts/install.sh tensorboard")  # fmt: skip
    output_of(f"{command} --n_epochs_decay 0 --tensorboard --display_freq 4")
    output_of(f"{command} --n_epochs_decay 0 --tensorboard --display_freq 4 --continue_train --n_epochs 3")
    board = events.EventAccumulator(str(tmp_path / "run/tensorboard"))
    board.Reload()
    records = read(tmp_path / "run/metrics.jsonl")
    assert [r["pictures"] for r in records] == [2, 4, 6, 8, 10, 12]
    for group in ("losses", "colors"):
        for name in records[0][group]:
            points = [(event.step, event.value) for event in board.Scalars(f"{group}/{name}")]
            assert points == [(r["pictures"], pytest.approx(r[group][name], rel=1e-5)) for r in records], name
    assert [image.step for image in board.Images("fake_B")] == [4, 8, 12]
    assert board.Images("fake_B")[0].encoded_image_string.startswith(b"\x89PNG")


def test_training_report_needs_tensorboard_only_if_asked_for(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert run(f"{command} --n_epochs_decay 0").stderr == ""
    assert "--tensorboard: TensorBoard is not installed; " in error_of(
        f"{command} --n_epochs_decay 0 --overwrite --tensorboard"
    )


def test_training_report_survives_files_that_cannot_be_written(command, tmp_path):
    for name in ("page", "log"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "page/web").write_text("a file where the folder should be")
    (tmp_path / "log/loss_log.txt").symlink_to("/dev/full")
    for name in ("page", "log"):
        warnings = run(f"{command} --n_epochs_decay 0 --quiet --name {name}").stderr
        assert warnings.count("\n") == 1 and warnings.startswith(f"warning: the {name} cannot be written ("), warnings
        assert (tmp_path / name / "latest_state.pth").is_file()
    assert len(read(tmp_path / "page/metrics.jsonl")) == 4


def test_training_report_continues_with_a_damaged_image_and_without_a_state(command, tmp_path):
    output_of(f"{command} --n_epochs_decay 0 --n_epochs 2 --save_epoch_freq 1")
    (tmp_path / "run/web/images/epoch002_fake_B.png").write_bytes(b"")
    for path in (tmp_path / "run").glob("*_state*.pth"):
        path.unlink()
    again = run(f"{command} --n_epochs_decay 0 --continue_train --n_epochs 3")
    assert again.stderr == "" and "continuing at epoch 3" in again.stdout
    page = (tmp_path / "run/web/index.html").read_text()
    assert page.count("epoch003_fake_B.png") == 2 and "epoch002_fake_B" not in page and "epoch002_real_A" in page
    assert [(r["pictures"], r["iteration"]) for r in read(tmp_path / "run/metrics.jsonl")] == [
        (n, n) for n in range(2, 13, 2)]  # fmt: skip
