"""Which files are colored, and where each result goes."""

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.image_file import FORMATS, READABLE
from util.errors import UsageError, UserError

STANDARD = "-"  # standard input, or output
VIDEO = "video"
VIDEOS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"}


@dataclass(frozen=True)
class Job:
    """One file to color. `source` None is standard input, `target` None standard output."""

    source: Path | None
    target: Path | None
    format: str  # a value of FORMATS, or VIDEO


def plan(inputs: Iterable[str], output: str | None, style: str, format: str | None = None) -> list[Job]:
    """Return a job for each image, in order.

    Args:
        inputs: files, folders, patterns such as `scans/*.tif`, or `-`.
        output: a folder; for one file also a file, or `-`. None: beside each input, as NAME_STYLE.png.
        style: its name.
        format: png, jpg, webp or tif; None: that of the output's suffix, or else of the input's.
    Raises:
        UserError: if an input is missing or holds no image.
        UsageError: if two results would be one file, or a result would replace an input.
    """
    found = [pair for text in inputs for pair in _find(text)]
    single = len(found) == 1 and not any(Path(text).is_dir() for text in inputs)
    jobs = [_job(source, name, output, style, format, single) for source, name in found]
    _check_targets(jobs)
    return jobs


def _find(text: str) -> list[tuple[Path | None, Path]]:
    """Return the images that an input names, and for each its path below the output folder."""
    path = Path(text)
    if text == STANDARD:
        return [(None, Path("stdin"))]
    if path.is_dir():
        images = sorted(file for file in path.rglob("*") if file.suffix.lower() in READABLE | VIDEOS and file.is_file()
                        and not any(part.startswith(".") for part in file.relative_to(path).parts))  # fmt: skip
        if not images:
            raise UserError(f"no image in {path}; expected files ending in {' '.join(sorted(READABLE))}")
        return [(file, file.relative_to(path)) for file in images]
    if path.exists():
        return [(path, Path(path.name))]
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True) if Path(match).is_file())
    if not matches:
        raise UserError(f"no file {text}")
    return [(file, Path(file.name)) for file in matches]


def _job(source: Path | None, name: Path, output: str | None, style: str, format: str | None, single: bool) -> Job:
    is_video = name.suffix.lower() in VIDEOS
    writable = VIDEOS if is_video else FORMATS
    suffix = name.suffix if is_video else f".{format}" if format else None  # where -o names no other
    if output is None and source is not None:
        target = source.with_name(f"{source.stem}_{style}{suffix or '.png'}")
    elif output in (None, STANDARD):
        if not single or is_video:
            raise UsageError("standard output takes one image; give a folder with -o")
        return Job(source, None, FORMATS[suffix or ".png"])
    elif single and not Path(output).is_dir() and Path(output).suffix.lower() in writable:
        target = Path(output)
        return Job(source, target, VIDEO if is_video else FORMATS[(format and suffix) or target.suffix.lower()])
    else:
        own = name.suffix if name.suffix.lower() in writable else ".png"
        target = Path(output) / name.with_suffix(suffix or own)
    return Job(source, target, VIDEO if is_video else FORMATS[target.suffix.lower()])


def _check_targets(jobs: list[Job]) -> None:
    by_target: dict[Path, Job] = {}
    for job in jobs:
        if job.target is None:
            continue
        if job.source is not None and job.target.resolve() == job.source.resolve():
            raise UsageError(f"{job.source} would be replaced by its result; give another folder with -o")
        other = by_target.setdefault(job.target, job)
        if other is not job:
            raise UsageError(f"{other.source} and {job.source} would both become {job.target}; color them apart")


def shard(jobs: list[Job], text: str) -> list[Job]:
    """Return part I of N of the jobs, for `--shard I/N` on several computers: every N-th, beginning with the I-th.

    Raises:
        UsageError: if the text is not I/N with 1 <= I <= N.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text}: expected I/N, as in 1/4, with I from 1 to N")
    return jobs[int(index) - 1 :: int(count)]
