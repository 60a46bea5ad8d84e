"""The flags that name a trained style, for the programs that use one."""

import argparse
from argparse import Namespace
from pathlib import Path

from util.errors import UsageError
from util.run_folder import check_name


def declare(parser: argparse.ArgumentParser, files: str) -> None:
    """Declare the flags. Args: files: what --checkpoint takes."""
    add = parser.add_argument
    add("--name", help="run to use; default: the style in pretrained/")
    add("--checkpoints_dir", help="where runs are saved; default: ./checkpoints")
    add("--epoch", default="latest", help="which saved epoch of the run")
    add("--checkpoint", type=Path, metavar="FILE", help=f"instead of a run: {files}")


def check(opt: Namespace) -> None:
    """Raise a UsageError if the flags name two styles, or a folder or an epoch and no run."""
    for flag in ("name", "epoch"):
        if getattr(opt, flag) is not None:
            check_name(flag, getattr(opt, flag))
    if opt.checkpoints_dir and not opt.name:
        raise UsageError("--checkpoints_dir needs --name, which run in it")
    if opt.name and opt.checkpoint:
        raise UsageError("--name and --checkpoint both name a style; give one of them")
    if opt.checkpoint and opt.epoch != "latest":
        raise UsageError("--epoch is for a run; --checkpoint names a file")


def folder_of_style(opt: Namespace) -> Path | None:
    """Return the folder of the run that the flags name, or None without --name."""
    return Path(opt.checkpoints_dir or "checkpoints") / opt.name if opt.name else None
