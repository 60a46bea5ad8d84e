"""The flags of colorize.py."""

import os
from argparse import Namespace

from options import style_options
from options.parser import OneLineParser
from options.ranges import check_gray_range
from util.errors import UsageError
from util.util import str2bool


def parse(argv: list[str] | None = None) -> Namespace:
    """Parse and check the flags. Args: argv: None = those of the program.

    Raises:
        UsageError: for an unknown flag or a wrong value.
    """
    opt = _parser().parse_args(argv)
    _check(opt)
    return opt


def _parser() -> OneLineParser:
    parser = OneLineParser.of_program(
        "Color images with a trained style. Results have the size, bits, metadata and transparency of their images."
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="a file, a folder with all its subfolders, a pattern such as "
        "'scans/*.tif', or - for standard input")  # fmt: skip
    add("-o", "--output", metavar="OUT", help="a folder; for one image also a file, or - for standard output. Without "
        "it the result is NAME_STYLE.png beside the image")  # fmt: skip
    style_options.declare(parser, "a generator's .pth, ours or CUT's, or an .onnx of export.py")
    add("--gpu_ids", default="auto", help="auto: the first accelerator, or the CPU; 0; -1: CPU")
    add("--scale", type=int, help="shorter side of what the network sees, in pixels; the smaller it is, the larger are "
        "areas of one color; 0: the image at its own size; default: as in training")  # fmt: skip
    add("--strength", type=float, default=1.0, help="from 0, the image as it is, to 1, colored")
    add("--saturation", type=float, default=1.0, help="multiplies the chroma of the result")
    add("--keep_luma", type=str2bool, default=True, help="give the image the chroma that the network paints; "
        "false: take the new image that it paints, at the image's own size unless --scale says another")  # fmt: skip
    add("--gray_range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="values of black and white in gray "
        "images of more than 8 bits; default: as in training")  # fmt: skip
    add("--gray_stretch", type=str2bool, nargs="?", const=True, help="take each such image from its own darkest to its "
        "own brightest value; default: as in training")  # fmt: skip
    add("--smoothing", type=float, default=8, help="of videos: over about how many frames still places are averaged; "
        "0: none")  # fmt: skip
    add("--format", choices=["png", "jpg", "webp", "tif"], help="of the results; default: PNG, with -o the format of "
        "the image")  # fmt: skip
    add("--quality", type=int, default=95, help="of JPEG and WebP, 1 to 100")
    add("--overwrite", action="store_true", help="color again what has a result already")
    add("--shard", metavar="I/N", help="color part I of N of the images, for several computers")
    add("--batch_size", type=int, default=4, help="images of one size that the network takes at once")
    add("--threads", type=int, default=min(4, os.cpu_count() or 1), help="threads that read and write files")
    add("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _check(opt: Namespace) -> None:
    ranges = {"scale": (0, 20_000), "strength": (0, 1), "saturation": (0, 10), "smoothing": (0, 1000),
              "quality": (1, 100), "batch_size": (1, 1024), "threads": (1, 1024)}  # fmt: skip
    for flag, (low, high) in ranges.items():
        value = getattr(opt, flag)
        if value is not None and not low <= value <= high:
            raise UsageError(f"--{flag} {value:g}: expected {low} to {high}")
    check_gray_range(opt.gray_range)
    style_options.check(opt)
