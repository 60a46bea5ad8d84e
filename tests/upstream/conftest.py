"""A CUT checkout to test against, where the environment names one."""

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


@pytest.fixture
def upstream(tmp_path) -> Checkout:
    """A copy of the checkout that CUT_UPSTREAM names."""
    source = os.environ.get("CUT_UPSTREAM")
    if not source:
        pytest.skip("CUT_UPSTREAM names no checkout of taesungp/contrastive-unpaired-translation")
    left_out = shutil.ignore_patterns(".git", "imgs", "checkpoints", "results", "datasets")
    shutil.copytree(source, tmp_path / "cut of mine", ignore=left_out)
    return Checkout(tmp_path / "cut of mine")
