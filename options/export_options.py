"""The flags of export.py."""

import argparse
from argparse import Namespace
from pathlib import Path

from options import style_options
from options.parser import OneLineParser
from util.errors import UsageError


def parse(argv: list[str] | None = None) -> Namespace:
    """Parse and check the flags. Args: argv: None = those of the program.

    Raises:
        UsageError: for an unknown flag or a wrong value.
    """
    parser = OneLineParser(
        description="Write a trained style as one file that colors images without this project.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    style_options.declare(parser, "a generator's .pth, ours or CUT's")
    add("--format", choices=["onnx", "torch"], default="onnx", help="onnx: for onnxruntime; torch: for torch.export")
    add("-o", "--output", type=Path, metavar="FILE", help="default: STYLE.onnx or STYLE.pt2 in this folder")
    add("--scale", type=int, help="shorter side of what the network sees, in pixels; 0: the image at its own size; "
        "default: as in training")  # fmt: skip
    opt = parser.parse_args(argv)
    if opt.scale is not None and not 0 <= opt.scale <= 20_000:
        raise UsageError(f"--scale {opt.scale}: expected 0 to 20000")
    style_options.check(opt)
    return opt
