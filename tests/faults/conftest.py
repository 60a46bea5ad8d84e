"""A folder with a trained run, for each case a copy of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import create_model
from options.train_options import TrainOptions
from tests.faults.case import FLAGS, snapshot
from tests.helpers.flags import COLORCUT, TINY
from tests.helpers.forks import kill_all
from tests.helpers.images import make_dataroot, noise
from tests.helpers.launch import output_of
from util.checkpoint import load
from util.run.saver import Saver


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A folder with `set`, and with `ck/run`, a run of 2 epochs of 2 images with 2 states."""
    folder = tmp_path_factory.mktemp("trained")
    images = [noise(40, 48, seed) for seed in range(2)]  # few, because hundreds of cases train on them
    make_dataroot(folder / "set", "trainA", "trainB", "testA", "testB", images=images)
    # In this process, so that all packages that are imported late are there when it forks.
    run = f"--dataroot {folder / 'set'} --checkpoints_dir {folder / 'ck'} --name run"
    output_of(f"train.py {run} {FLAGS} --n_epochs 2 --save_epoch_freq 1")
    return folder


@pytest.fixture(autouse=True)
def no_fork_is_left() -> Iterator[None]:
    """End what a failed test has started."""
    yield
    kill_all()


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    """A copy of that folder."""
    target = tmp_path / "work"
    shutil.copytree(trained, target, symlinks=True)
    assert snapshot(target).keys() >= {"ck/run/latest_state.pth", "ck/run/earlier_state_1.pth"}
    return target


@pytest.fixture(scope="session")
def saver(trained, tmp_path_factory) -> Saver:
    """What continues the trained run."""
    work = tmp_path_factory.mktemp("fuzz")
    run = f"--dataroot {trained / 'set'} --checkpoints_dir {work} --name run --display_id -1"
    options = TrainOptions(f"{run} {TINY} {COLORCUT} --n_epochs 2 --n_epochs_decay 0")
    opt = options.parse()
    model = create_model(opt)
    model.setup(opt)
    return Saver(opt, model, options.record)


@pytest.fixture(scope="session")
def state(trained) -> dict:
    """The latest state of the trained run."""
    return load(trained / "ck/run/latest_state.pth")
