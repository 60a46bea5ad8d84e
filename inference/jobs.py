"""Which files are colored, and where each result goes."""

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.image_file import FORMATS, READABLE
from util.errors import UsageError, UserError

STANDARD = "-"  # standard input, or output
VIDEOS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}


@dataclass(frozen=True)
class Job:
    """One file to color. `source` None is standard input, `target` None standard output."""

    source: Path | None
    target: Path | None
    format: str  # a value of FORMATS; of a video the suffix of its target

    @property
    def is_video(self) -> bool:
        """True for a video, False for an image."""
        return self.format in VIDEOS


def plan(inputs: Iterable[str], output: str | None, style: str, format: str | None = None) -> list[Job]:
    """Return a job for each image and video, in order.

    Results of an earlier start are not taken for inputs: what lies in the output folder, and NAME_STYLE of a folder
    without an output folder.

    Args:
        inputs: files, folders, patterns such as `scans/*.tif`, or `-`.
        output: a folder; for one file also a file, or `-`. None: beside each input, as NAME_STYLE.png.
        style: its name.
        format: png, jpg, webp or tif, of images; None: that of the output's suffix, or else of the input's.
    Raises:
        UserError: if an input is missing or holds no image.
        UsageError: if a result would have a format that cannot be, or replace an input or another result.
    """
    inputs = list(inputs)
    found = {source: name for text in inputs for source, name in _find(text, output, style)}
    is_single = len(found) == 1 and not any(Path(text).is_dir() for text in inputs)
    jobs = [_job(source, name, output, style, format, is_single) for source, name in found.items()]
    _check_targets(jobs)
    return jobs


def _find(text: str, output: str | None, style: str) -> list[tuple[Path | None, Path]]:
    """Return the files that an input names, and for each its path below the output folder."""
    path = Path(text)
    if text == STANDARD:
        return [(None, Path("stdin"))]
    if path.is_dir():
        return [(file, file.relative_to(path)) for file in _files_in(path, output, style)]
    if path.exists():
        return [(path, Path(path.name))]
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True) if Path(match).is_file())
    if not matches:
        raise UserError(f"no file {text}")
    return [(file, Path(file.name)) for file in matches]


def _files_in(folder: Path, output: str | None, style: str) -> list[Path]:
    """Return the images and videos below a folder that are no results."""
    suffixes = READABLE | VIDEOS
    results = Path(output).resolve() if output else None
    if results == folder.resolve():
        results = None  # refused later, by name
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes and file.is_file()
                   and not any(part.startswith(".") for part in file.relative_to(folder).parts)
                   and not (results and results in file.resolve().parents)
                   and (output or not file.stem.endswith(f"_{style}")))  # fmt: skip
    if not files:
        raise UserError(f"no image in {folder}; expected files ending in {' '.join(sorted(suffixes))}")
    return files


def _job(source: Path | None, name: Path, output: str | None, style: str, format: str | None, is_single: bool) -> Job:
    is_video = name.suffix.lower() in VIDEOS
    writable = VIDEOS if is_video else FORMATS
    own = name.suffix if name.suffix.lower() in writable else ".png"
    suffix = own if is_video or not format else f".{format}"
    if output == STANDARD or (output is None and source is None):
        if not is_single or is_video:
            raise UsageError("standard output takes one image; give a folder with -o")
        return Job(source, None, FORMATS[f".{format or 'png'}"])
    if output is None:
        target = source.with_name(f"{source.stem}_{style}{suffix if is_video or format else '.png'}")
    elif _is_file(output):
        if not is_single:
            raise UsageError(f"-o {output} names one file; give a folder for several")
        target = Path(output)
        if target.suffix.lower() not in writable or (format and FORMATS.get(target.suffix.lower()) != FORMATS[suffix]):
            asked = f" with --format {format}" if format and not is_video else ""
            raise UsageError(f"-o {output}{asked}: expected a file ending in {' '.join(sorted(writable))}")
    else:
        target = Path(output) / name.with_suffix(suffix)
    return Job(source, target, target.suffix.lower() if is_video else FORMATS[target.suffix.lower()])


def _is_file(output: str) -> bool:
    path = Path(output)
    return path.is_file() or (path.suffix.lower() in READABLE | VIDEOS | {".heic", ".bmp"} and not path.is_dir())


def _check_targets(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs if job.source}
    by_target: dict[Path, Job] = {}
    for job in (job for job in jobs if job.target):
        target = job.target.resolve()
        if target in sources:
            raise UsageError(f"{job.target}, an input, would be replaced by a result; give another folder with -o")
        other = by_target.setdefault(target, job)
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
