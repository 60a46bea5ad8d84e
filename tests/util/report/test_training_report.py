"""What a run tells: on a real terminal, in a pipe, quietly, beside other processes, to TensorBoard, and as an alarm."""

import itertools
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import COLORCUT, ROOT, train
from util.report.metrics_log import read

PLAIN = (r"\(epoch: \d+, iters: \d+, time: \d\.\d{3}, data: \d+%\) G_GAN: .* Var: \d\.\d{3} "
         r"\[\d+\.\d\d it/s, 0:0\d:\d\d left\]")  # fmt: skip


def arguments(pictures: Path, folder: Path) -> list[object]:
    return ["--dataroot", pictures, *COLORCUT, "--checkpoints_dir", folder, "--name", "run",
            "--print_freq", 2, "--n_epochs", 2, "--display_id", -1]  # fmt: skip


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
            except OSError:  # how a terminal ends when nobody holds its other side any more
                break
    os.close(master)
    assert process.returncode == 0, written.decode()
    return written.decode()


def test_a_terminal_has_a_bar_with_losses_speed_and_time_left(pictures, tmp_path):
    command = [sys.executable, "train.py", *map(str, arguments(pictures, tmp_path))]
    written = on_terminal(command, columns=150)
    assert "(epoch:" not in written  # what the bar says is not said twice
    frames = [frame for frame in re.split(r"[\r\n]", written) if "it/s" in frame or "s/it" in frame]
    shown = r"100%\|.*\| 8/8 \[00:\d\d<00:00, (\d+\.\d+it/s|.*s/it), G_GAN: \d\.\d{3} D_real: "
    assert re.search(shown, frames[-1]), frames[-1]
    assert max(map(len, frames)) <= 150
    last = [line.strip() for line in written.split("\n") if "end of epoch" in line][-1]
    assert re.search(r"learning rate 0: G_GAN: \d.* Var: \d\.\d{3}$", last)  # all losses, however narrow the terminal


def test_a_pipe_has_plain_lines_and_each_once(pictures, tmp_path):
    done = train(*arguments(pictures, tmp_path))
    lines = [line for line in done.stdout.splitlines() if line.startswith("(epoch")]
    assert done.returncode == 0 and done.stderr == ""
    assert len(lines) == len(set(lines)) == 4 and all(re.fullmatch(PLAIN, line) for line in lines), lines
    assert "|" not in done.stdout and "\r" not in done.stdout
    logged = (tmp_path / "run/loss_log.txt").read_text().splitlines()
    assert logged[1:] == [line.split(" [")[0] for line in lines]


def test_quiet_says_nothing_and_writes_all(pictures, tmp_path):
    done = train(*arguments(pictures, tmp_path), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"loss_log.txt", "metrics.jsonl", "web", "latest_state.pth"} <= files
    assert len(read(tmp_path / "run/metrics.jsonl")) == 4
    wrong = train(*arguments(pictures, tmp_path), "--quiet", "--lr", "1e30")
    assert wrong.returncode == 1 and wrong.stdout == "" and "not finite" in wrong.stderr


def test_a_record_has_every_loss_every_statistic_and_the_times(pictures, tmp_path):
    assert train(*arguments(pictures, tmp_path), "--batch_size", 2, "--n_epochs", 3).returncode == 0
    records = read(tmp_path / "run/metrics.jsonl")
    places = [tuple(r[k] for k in ("epoch", "epoch_iter", "epochs", "iteration", "pictures")) for r in records]
    assert places == [(1, 2, 0.5, 1, 2), (1, 4, 1.0, 2, 4), (2, 2, 1.5, 3, 6), (2, 4, 2.0, 4, 8), (3, 2, 2.5, 5, 10),
                      (3, 4, 3.0, 6, 12)]  # fmt: skip
    assert list(records[0]["losses"]) == ["G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y", "TV", "l1", "Var"]
    assert len(records[0]["colors"]) == 8 and records[0]["one_tone"] is False
    assert [r["learning_rate"] for r in records][::2] == pytest.approx([2e-4, 1.5e-4, 0.5e-4])
    line = (tmp_path / "run/loss_log.txt").read_text().splitlines()[1]
    assert f"time: {records[0]['times']['iteration'] / 2:.3f}," in line  # a picture's, as in CUT
    for before, after in itertools.pairwise(records):
        times = after["times"]
        passed = times["elapsed"] - before["times"]["elapsed"]
        assert 0 < times["data"] < times["iteration"] and times["iteration"] == pytest.approx(passed, rel=0.2)


def test_one_tone_is_told_on_the_console_and_on_the_page(pictures, tmp_path):
    """Total variation alone leaves one grey."""
    flags = ["--lambda_GAN", 0, "--lambda_NCE", 0, "--lambda_l1", 0, "--lambda_Var", 0, "--lambda_TV", 1, "--quiet",
             "--batch_size", 4, "--n_epochs", 300, "--print_freq", 40, "--update_html_freq", 400]  # fmt: skip
    done = train(*arguments(pictures, tmp_path), *flags)
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("warning: one tone everywhere: in their narrowest direction colours spread by 0.0")
    assert "Try a --lambda_GAN above 0 or a smaller --lambda_TV (now 1) or a larger --lambda_Var (now 0)" in done.stderr
    told = [record["pictures"] for record in read(tmp_path / "run/metrics.jsonl") if record["one_tone"]]
    assert told == list(range(1080, 1201, 40))
    page = (tmp_path / "run/web/index.html").read_text()
    assert page.count('class="warning"') == 1 and "one tone everywhere" in page


def test_tensorboard_has_the_records_and_the_pictures(pictures, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator",
                                 reason="tensorboard is not installed; scripts/install.sh tensorboard")  # fmt: skip
    flags = ["--tensorboard", "--display_freq", 4]
    assert train(*arguments(pictures, tmp_path), *flags).returncode == 0
    assert train(*arguments(pictures, tmp_path), *flags, "--continue_train", "--n_epochs", 3).returncode == 0
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


def test_tensorboard_is_imported_only_when_asked_for_and_missed_in_one_line(pictures, tmp_path):
    script = "import sys; sys.modules['tensorboard'] = None; import train; from util.errors import run; run(train.main)"
    for flags, error in (([], ""), (["--tensorboard"], "error: --tensorboard: TensorBoard is not installed; ")):
        command = [sys.executable, "-c", script, *map(str, arguments(pictures, tmp_path)), *flags]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == done.stderr.count("\n") == bool(error) and done.stderr.startswith(error)


def test_what_cannot_be_written_costs_a_line_and_not_the_run(pictures, tmp_path):
    for name in ("page", "log"):
        (tmp_path / name / "run").mkdir(parents=True)
    (tmp_path / "page/run/web").write_text("a file where the folder should be")
    (tmp_path / "log/run/loss_log.txt").symlink_to("/dev/full")
    for name, lines in (("page", 1), ("log", 1)):
        done = train(*arguments(pictures, tmp_path / name), "--quiet")
        assert done.returncode == 0 and done.stderr.count("\n") == lines, done.stderr
        assert done.stderr.startswith(f"warning: the {name} cannot be written (")
        assert (tmp_path / name / "run/latest_state.pth").is_file()
    assert len(read(tmp_path / "page/run/metrics.jsonl")) == 4


def test_a_picture_cut_short_is_left_out_of_the_page(pictures, tmp_path):
    assert train(*arguments(pictures, tmp_path), "--n_epochs", 1).returncode == 0
    (tmp_path / "run/web/images/epoch001_fake_B.png").write_bytes(b"")
    again = train(*arguments(pictures, tmp_path), "--continue_train")
    assert again.returncode == 0 and again.stderr == ""
    page = (tmp_path / "run/web/index.html").read_text()
    assert page.count("epoch002_fake_B.png") == 2 and "epoch001_fake_B" not in page and "epoch001_real_A" in page


def test_the_last_page_has_the_last_curves_and_pictures(pictures, tmp_path):
    assert train(*arguments(pictures, tmp_path), "--update_html_freq", 5).returncode == 0
    (last,) = (record["losses"]["G"] for record in read(tmp_path / "run/metrics.jsonl") if record["epochs"] == 2.0)
    assert re.search(rf"<b>G</b>\s*{last:.3g}\s*<", (tmp_path / "run/web/index.html").read_text())


def test_counts_go_on_where_only_networks_do(pictures, tmp_path):
    assert train(*arguments(pictures, tmp_path), "--save_epoch_freq", 1).returncode == 0
    (tmp_path / "run/latest_state.pth").unlink()
    again = train(*arguments(pictures, tmp_path), "--continue_train", "--n_epochs", 3)
    assert again.returncode == 0 and "continuing at epoch 3" in again.stdout, again.stderr
    records = read(tmp_path / "run/metrics.jsonl")
    assert [(r["pictures"], r["iteration"]) for r in records] == [(n, n) for n in range(2, 13, 2)]
