"""Color images with a trained style: python colorize.py photo.jpg, or python colorize.py scans/ -o colored/.

Results have the size, the bits, the metadata and the transparency of their images. A style is a run (--name), a
file (--checkpoint), or else the one that comes with the project.
"""

import util.interrupt  # noqa: F401 - first: the imports below take seconds

# isort: split
import sys
from argparse import Namespace

from tqdm import tqdm

from inference.jobs import plan, shard
from inference.look import Look
from inference.pipeline import color_all
from inference.style import Style, load_style
from options import colorize_options
from options.style_options import folder_of_style
from util.errors import UsageError, run

SOME_FAILED = 3  # exit code


def main() -> None:
    """Color each image that has no result yet. Exit code 3: some could not be colored."""
    opt = colorize_options.parse()
    style = load_style(folder_of_style(opt), opt.epoch, opt.checkpoint, opt.gpu_ids)
    jobs = plan(opt.inputs, opt.output, style.name, opt.format)
    jobs = shard(jobs, opt.shard) if opt.shard else jobs
    todo = [job for job in jobs if opt.overwrite or job.target is None or not job.target.exists()]
    look = look_of(opt, style)
    failed = 0
    with tqdm(total=len(todo), unit="image", disable=opt.quiet or len(todo) < 2) as progress:
        for error in color_all(todo, style, look, opt.batch_size, opt.threads, opt.quiet):
            progress.update()
            if error:
                failed += 1
                progress.write(f"error: {error}", file=sys.stderr)
    if not opt.quiet and all(job.target for job in jobs):
        if len(todo) == len(jobs) == 1 and not failed:
            print(jobs[0].target)
        else:
            print(summary(len(todo) - failed, len(jobs) - len(todo), failed))
    sys.exit(SOME_FAILED if failed else 0)


def look_of(opt: Namespace, style: Style) -> Look:
    """Return how the flags ask for images to be colored.

    Raises:
        UsageError: for a scale that an exported model does not take.
    """
    if style.only_scale and opt.scale != style.only_scale and (opt.scale is not None or not opt.keep_luma):
        asked = f"--scale {opt.scale}" if opt.scale is not None else "--keep_luma false at the image's own size"
        raise UsageError(f"{asked}: {opt.checkpoint} was exported for --scale {style.only_scale}; "
                         "export.py --scale 0 makes a model for any scale")  # fmt: skip
    names = ("keep_luma", "gray_range", "gray_stretch", "strength", "saturation", "quality", "smoothing")
    flags = {name: getattr(opt, name) for name in names}
    return Look.of(style.treatment, style.only_scale or opt.scale, **flags)


def summary(colored: int, skipped: int, failed: int) -> str:
    """Return how many images were colored, and how many were not, and why."""
    text = f"{colored} of {colored + skipped + failed} images colored"
    if skipped:
        text += f"; {skipped} had a result already (--overwrite colors them again)"
    if failed:
        text += f"; {failed} could not be colored"
    return text


if __name__ == "__main__":
    run(main)
