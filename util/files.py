"""Atomic writes: at any instant a file has either its old content or its new content, whole."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".saving"
_FAILURES = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, getattr(errno, "ESTALE", errno.EIO)}


def is_failure(error: Exception) -> bool:
    """Return True for an error of a disk, a network or the limits of the system, not of a file."""
    return isinstance(error, OSError) and error.errno in _FAILURES


@contextmanager
def replacing(path: Path, before: Callable[[], None] | None = None) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` when the block ends. After an error `path` is unchanged.

    Args: before: is called when the new file is complete, just before it replaces the old one.
    """
    temporary = path.with_name(path.name + _SUFFIX)
    try:
        with open(temporary, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if before:
            before()
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:  # as of a full disk
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def remove_temporary(folder: Path) -> None:
    """Remove from a folder of ours what a killed process was still writing with `replacing`."""
    for path in folder.glob(f"*{_SUFFIX}"):
        path.unlink(missing_ok=True)
