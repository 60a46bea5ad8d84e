"""What the command lines of several scripts share."""

import argparse
from pathlib import Path

# The scripts of the paper's rows and of the best preset, and how figures call them.
TITLES = {
    "cut": "CUT",
    "cut_tv": "CUT + TV",
    "cut_tv_l1": "CUT + TV + L1",
    "colorcut": "ColorCUT",
    "best": "ColorCUT, best preset",
    "fastcut": "FastCUT",
    "cyclegan": "CycleGAN",
    "pix2pix": "pix2pix",
}


def positive(text: str) -> int:
    """Return the text as a number of 1 or more; for argparse's `type`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, not {text}")
    return int(text)


def add_figure_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of figures that consist of images."""
    parser.add_argument("--pick", nargs="*", help="names of images without their ending, or numbers; default: first 6")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder to write to")
    parser.add_argument("--size", type=positive, default=160, help="side of each image in pixels")
