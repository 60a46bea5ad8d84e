"""Training and testing in processes of their own."""

import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterable

from options.train_options import TrainOptions
from scripts.lib.processes import ROOT, environment
from util.errors import UserError
from util.run_folder import RunFolder


def check(runs: Iterable[list[str]]) -> None:
    """Raise a UsageError for a mistake in the flags of any run: before the first is trained, not hours later."""
    sys.argv[0] = "train.py"  # an error message names the program that lists the flags
    for flags in runs:
        TrainOptions(flags).parse()


def train(flags: list[str], program: str = "train.py") -> Namespace:
    """Train to the last epoch: begin, continue, or do nothing if that is done. Return the options.

    Raises:
        UserError: if the training was stopped.
    """
    opt = TrainOptions(flags).parse()
    folder = RunFolder.of(opt)
    last = folder.network(opt.n_epochs + opt.n_epochs_decay, "G")
    if not last.is_file():
        call(program, [*flags, "--continue_train"] if folder.state.is_file() else flags)
    if not last.is_file():
        raise UserError(f"{opt.name} was stopped; the same command continues it")
    return opt


def call(program: str, flags: list[str]) -> None:
    """Run one of our programs; if it fails, end with its exit code, after its own message."""
    done = subprocess.run([sys.executable, str(ROOT / program), *flags], env=environment())
    if done.returncode:
        sys.exit(done.returncode)
