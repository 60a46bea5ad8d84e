"""Write a trained style as one file that colors images without this project: python export.py --name RUN."""

import util.interrupt  # noqa: F401 - first: the imports below take seconds

# isort: split
from pathlib import Path

from inference.export import export
from inference.style import load_style
from options import export_options
from options.style_options import folder_of_style
from util.errors import run


def main() -> None:
    """Export the style that the flags name; print the file, and how far it differs from PyTorch."""
    opt = export_options.parse()
    style = load_style(folder_of_style(opt), opt.epoch, opt.checkpoint, gpu_ids="-1")
    scale = opt.scale if opt.scale is not None else style.treatment.scale
    target = opt.output or Path(style.name + export_options.SUFFIXES[opt.format])
    difference = export(style, scale, opt.format, target)
    print(f"{target}: largest difference from PyTorch {difference * 255:.2g} of 255")


if __name__ == "__main__":
    run(main)
