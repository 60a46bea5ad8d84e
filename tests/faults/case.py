"""What the cases of faults share: commands, what a good ending is, and what a folder holds."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from tests.helpers.flags import COLORCUT, TINY
from tests.helpers.forks import Outcome, outcome_of

FLAGS = f"{TINY} {COLORCUT} --display_id -1 --no_html --n_epochs_decay 0"
TRAIN = f"train.py --dataroot set --checkpoints_dir ck {FLAGS}"
NEW = f"{TRAIN} --name new --n_epochs 1"
CONTINUE = "train.py --checkpoints_dir ck --name run --continue_train --gpu_ids -1"
TEST = "test.py --dataroot set --checkpoints_dir ck --name run --gpu_ids -1"
EVALUATE = "evaluate.py --dataroot set --checkpoints_dir ck --names run --gpu_ids -1 --draws 10"


def ends(command: str, folder: Path, code: int, words: str = "", prepare: Callable[[], None] | None = None) -> Outcome:
    """Run a program; it must end with this code and never with a traceback.

    With an exit code of 1 or 2 its last line on stderr is one error with these words, else these words are printed.
    """
    done = outcome_of(command, folder, prepare)
    shown = f"{command}\nexit code {done.code}\n{done.stdout[-600:]}\n{done.stderr[-3000:]}"
    assert done.code == code and "Traceback" not in done.stderr + done.stdout, shown
    lines = done.stderr.splitlines()
    if code in (1, 2):
        assert lines and lines[-1].startswith("error: ") and words in done.stderr, shown
        assert all(line.startswith(("error: ", "warning: ")) for line in lines), shown
    else:
        assert words in done.stderr + done.stdout, shown
    return done


def snapshot(folder: Path) -> dict[str, str]:
    """Return a digest of each file by path, without locks and the output of the program."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.startswith((".lock", ".stdout", ".stderr"))
    }
