"""Write a trained style as one file that colors images without this project: python export.py --name RUN."""

from pathlib import Path

from inference.export import SUFFIXES, export
from inference.torch_style import TorchStyle
from options import export_options
from options.style_options import run_folder
from util.errors import run


def main() -> None:
    """Export the style that the flags name; print the file, and how far it differs from PyTorch."""
    opt = export_options.parse()
    on_cpu = "-1"
    if opt.checkpoint:
        style = TorchStyle.of_checkpoint(opt.checkpoint, on_cpu)
    else:
        style = TorchStyle.of_run(run_folder(opt), opt.epoch, on_cpu)
    scale = opt.scale if opt.scale is not None else style.treatment.scale
    target = opt.output or Path(style.name + SUFFIXES[opt.format])
    difference = export(style, scale, opt.format, target)
    print(f"{target}: largest difference from PyTorch {difference * 255:.2g} of 255")


if __name__ == "__main__":
    run(main)
