"""A name belongs to one run: no second process trains in its folder, and no other run replaces it by accident."""

import os
import socket
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from util.errors import UsageError, UserError, warn
from util.files import remove_temporary
from util.run_folder import RunFolder

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None


@contextmanager
def hold(opt: Namespace) -> Iterator[None]:
    """Keep the folder of the run to this process, and remove files that a killed process was still writing.

    The system releases the lock when the process ends, however it ends.

    Raises:
        UsageError: if the folder has a run that the options neither continue nor replace.
        UserError: if another process trains in it.
    """
    folder = RunFolder.of(opt)
    folder.path.mkdir(parents=True, exist_ok=True)
    with open(folder.lock, "a+", encoding="utf-8") as file:
        _lock(file, folder)
        check_free(opt)
        remove_temporary(folder.path)
        yield


def check_free(opt: Namespace) -> None:
    """Raise a UsageError if the folder has a run that the options neither continue nor replace."""
    folder = RunFolder.of(opt)
    saved = folder.saved_files()
    if not saved or opt.continue_train or opt.overwrite:
        return
    newest = max(saved, key=lambda path: path.stat().st_mtime)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest.stat().st_mtime))
    raise UsageError(f"--name {opt.name}: {folder.path} has a run, last saved {when} ({newest.name}); --continue_train "
                     "continues it, --overwrite deletes it and trains anew")  # fmt: skip


def _lock(file: TextIO, folder: RunFolder) -> None:
    """Lock a file, and write into it who holds it."""
    if fcntl is None:
        return
    try:
        # Not flock: workers of the data loader would inherit it, and hold it after this process was killed.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        holder = file.read().strip() or "another process"
        raise UserError(f"{folder.path} is being trained by {holder}; wait for it, or choose another --name") from None
    except OSError as error:
        warn(f"warning: {folder.path} cannot be locked ({error.strerror}): see that no second process trains in it")
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
    except OSError:  # a full disk: the lock holds without the text
        file.seek(0)
