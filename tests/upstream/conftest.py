"""Checkouts of upstream to test against, where the environment names them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


class Checkout:
    """A copy of the checkout, free to be changed, in which commands run."""

    def __init__(self, root: Path):
        self.root = root

    def run(self, *arguments: object) -> str:
        """Run python there with these arguments, and return what it printed; a failure fails the test."""
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout


def copied(variable: str, repository: str, tmp_path: Path) -> Checkout:
    """Return a copy of the checkout that an environment variable names; skip the test where it names none."""
    source = os.environ.get(variable)
    if not source:
        pytest.skip(f"{variable} names no checkout of {repository}")
    left_out = shutil.ignore_patterns(".git", "imgs", "checkpoints", "results", "datasets")
    shutil.copytree(source, tmp_path / f"{variable} copied", ignore=left_out)
    return Checkout(tmp_path / f"{variable} copied")


@pytest.fixture
def upstream(tmp_path) -> Checkout:
    """CUT."""
    return copied("CUT_UPSTREAM", "taesungp/contrastive-unpaired-translation", tmp_path)


@pytest.fixture
def pix2pix_upstream(tmp_path) -> Checkout:
    """The code base of CycleGAN and pix2pix."""
    return copied("PIX2PIX_UPSTREAM", "junyanz/pytorch-CycleGAN-and-pix2pix", tmp_path)
