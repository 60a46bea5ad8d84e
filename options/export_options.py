"""The flags of export.py."""

from argparse import Namespace
from pathlib import Path

from options import style_options
from options.parser import OneLineParser
from util.errors import UsageError

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}  # by format


def parse(argv: list[str] | None = None) -> Namespace:
    """Parse and check the flags. Args: argv: None = those of the program.

    Raises:
        UsageError: for an unknown flag or a wrong value.
    """
    parser = OneLineParser.of_program("Write a trained style as one file that colors images without this project.")
    add = parser.add_argument
    style_options.declare(parser, "a generator's .pth, ours or CUT's")
    add("--format", choices=list(SUFFIXES), default="onnx", help="onnx: for onnxruntime; torch: for torch.export")
    add("-o", "--output", type=Path, metavar="FILE", help="default: STYLE.onnx or STYLE.pt2 in this folder")
    add("--scale", type=int, help="shorter side of what the network sees, in pixels; 0: the image at its own size; "
        "default: as in training")  # fmt: skip
    opt = parser.parse_args(argv)
    if opt.scale is not None and opt.scale != 0 and not 16 <= opt.scale <= 2000:
        raise UsageError(f"--scale {opt.scale}: expected 0, or 16 to 2000")
    if opt.checkpoint and opt.checkpoint.suffix.lower() == ".onnx":
        raise UsageError(f"--checkpoint {opt.checkpoint}: expected a generator's .pth")
    if opt.output and (opt.output.is_dir() or opt.output.suffix != SUFFIXES[opt.format]):
        raise UsageError(f"-o {opt.output}: expected a file ending in {SUFFIXES[opt.format]} for --format {opt.format}")
    style_options.check(opt)
    return opt
