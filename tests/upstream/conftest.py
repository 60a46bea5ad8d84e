"""Checkouts of CUT and CycleGAN to test against, where the environment names them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.helpers.launch import output_of


class Checkout:
    """A folder with train.py and test.py in which commands run."""

    def __init__(self, root: Path):
        self.root = root

    def run(self, command: str | list) -> str:
        """Run python there with this command line, which must succeed; return what it printed."""
        return output_of(command, cwd=self.root)


def copy_of(variable: str, repository: str, tmp_path: Path) -> Checkout:
    """Return a copy of the checkout that an environment variable names; skip the test if it names none."""
    source = os.environ.get(variable)
    if not source:
        pytest.skip(f"{variable} names no checkout of {repository}")
    ignored = shutil.ignore_patterns(".git", "imgs", "checkpoints", "results", "datasets")
    shutil.copytree(source, tmp_path / f"{variable} copied", ignore=ignored)
    return Checkout(tmp_path / f"{variable} copied")


@pytest.fixture
def upstream(tmp_path) -> Checkout:
    """CUT."""
    return copy_of("CUT_UPSTREAM", "taesungp/contrastive-unpaired-translation", tmp_path)


@pytest.fixture
def pix2pix_upstream(tmp_path) -> Checkout:
    """The code of CycleGAN and pix2pix."""
    return copy_of("PIX2PIX_UPSTREAM", "junyanz/pytorch-CycleGAN-and-pix2pix", tmp_path)
