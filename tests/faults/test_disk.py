"""A disk that is full or gone while a run saves: training goes on, and the last save stays."""

import errno
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.case import CONTINUE, EVALUATE, NEW, TEST, TRAIN, ends, snapshot
from tests.helpers.build import same_checkpoints
from tests.helpers.forks import Fork

LONG = f"{TRAIN} --name new --n_epochs 6 --save_epoch_freq 1"


def at_most(size: int) -> Callable[[], None]:
    """Return a function that limits the size of each file, as a full disk does."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return limit


def full_from(save: int, until: int = 10**9, number: int = errno.ENOSPC) -> Callable[[], None]:
    """Return a function that lets saves fail, from one to before another, and that makes pauses short."""

    def prepare() -> None:
        from util.run import saver, state

        write, count = state.checkpoint.save_atomically, [0]

        def failing(content: object, path: Path, **keywords: object) -> None:
            count[0] += "state" in path.name
            if save <= count[0] < until:
                raise OSError(number, os.strerror(number), str(path))
            write(content, path, **keywords)

        state.checkpoint.save_atomically = failing
        saver._FIRST_PAUSE = 0.01

    return prepare


def test_a_disk_that_is_full_from_the_start_does_not_end_training(folder):
    done = ends(LONG, folder, 1, "training since the last save is lost", at_most(30_000))
    assert "end of epoch 6 / 6" in done.stdout and done.stderr.count("cannot be written") == 1
    assert not list((folder / "ck/new").glob("*.pth*"))


def test_a_disk_that_fills_keeps_the_last_save(folder):
    done = ends(LONG, folder, 1, "No space left on device", full_from(3))
    assert "end of epoch 6 / 6" in done.stdout and done.stderr.count("warning: ") == 1
    assert not list(folder.rglob("*.saving"))
    ends(CONTINUE.replace("--name run", "--name new"), folder, 0, "continuing at epoch 3")
    ends(f"{TRAIN} --name whole --n_epochs 6", folder, 0)
    assert same_checkpoints(folder / "ck/new", folder / "ck/whole")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.ESTALE])
def test_a_disk_that_comes_back_loses_nothing(folder, number):
    done = ends(LONG, folder, 0, "the state is saved again", full_from(2, 6, number))
    assert done.stderr.count("cannot be written") == 1
    ends(f"{TRAIN} --name whole --n_epochs 6", folder, 0)
    assert same_checkpoints(folder / "ck/new", folder / "ck/whole")


def test_a_stop_on_a_full_disk_is_an_error(folder):
    ends(f"{LONG} --time_limit 1e-6", folder, 1, "training since the last save is lost", full_from(1))


def test_a_continued_run_on_a_full_disk_keeps_its_files(folder):
    before = {name: digest for name, digest in snapshot(folder / "ck/run").items() if name.endswith(".pth")}
    done = ends(f"{CONTINUE} --n_epochs 4", folder, 1, "is lost", at_most(30_000))
    assert "end of epoch 4 / 4" in done.stdout
    after = snapshot(folder / "ck/run")
    assert {name: after[name] for name in before} == before and "train_opt.json" in after
    ends(f"{CONTINUE} --n_epochs 4", folder, 0, "continuing at epoch 3")


def test_networks_that_cannot_be_written_are_tried_again(folder):
    """The state is written, and the networks alone fail."""

    def prepare() -> None:
        from models import checkpoints

        write, count = checkpoints.checkpoint.save_atomically, [0]

        def failing(content: object, path: Path, **keywords: object) -> None:
            count[0] += "_net_G" in path.name
            if "_net_G" in path.name and count[0] == 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            write(content, path, **keywords)

        checkpoints.checkpoint.save_atomically = failing

    ends(NEW, folder, 0, "the state is saved again", prepare)
    ends(TEST.replace(" run ", " new "), folder, 0, "2 images")


def test_a_folder_that_is_removed_while_a_run_trains_is_made_again(folder):
    fork = Fork(f"{TRAIN} --name new --n_epochs 100 --save_epoch_freq 5", folder)
    fork.wait_for("end of epoch 6")
    (folder / "ck/new").rename(folder / "away")  # at once
    done = fork.wait()
    assert done.code == 0 and (folder / "ck/new/latest_state.pth").is_file(), done


@pytest.mark.parametrize("command", [TEST, EVALUATE])
def test_results_on_a_full_disk_end_in_one_line_that_names_a_file(folder, command):
    done = ends(command, folder, 1, "results/", at_most(4500))
    assert done.stderr.count("\n") == 1


def test_a_run_that_cannot_have_a_folder_does_not_start(folder):
    (folder / "file").write_text("")
    ends(NEW.replace(" ck ", " file "), folder, 1, "file/new")
    ends(NEW.replace(" ck ", " /proc/none "), folder, 1, "/proc/none")


def test_overwrite_on_a_full_disk_keeps_the_old_run(folder):
    before = snapshot(folder)
    ends(f"{TRAIN} --name run --n_epochs 1 --overwrite", folder, 1, "latest_state.pth", at_most(30_000))
    assert snapshot(folder) == before
