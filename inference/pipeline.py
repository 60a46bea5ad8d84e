"""Colors many files: reading and writing in other threads, the network in this one, on batches of one size."""

import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from inference.image_file import Source, encode, vips_errors, write
from inference.jobs import Job
from inference.look import Look, view_of
from inference.style import Style
from inference.video import color_video
from util.errors import UserError


@dataclass
class _Open:
    """A file whose frames wait for the network, or for being written."""

    job: Job
    source: Source
    sizes: list[tuple[int, int]]  # of the frames
    views: list[np.ndarray]  # what the network sees of each: (1, 1, h, w) in 0..1
    prepared: dict[int, np.ndarray] = field(default_factory=dict)  # what `Look.apply` needs, by frame


def color_all(
    jobs: Sequence[Job], style: Style, look: Look, batch_size: int, threads: int, quiet: bool = True
) -> Iterator[UserError | None]:
    """Color files. Yield None for each that is written, and the error of each that cannot be read or written.

    Args:
        batch_size: the network takes up to this many images of one size at once.
        threads: how many of them read and write files.
        quiet: show no progress within a video.
    """
    for job in jobs:
        if job.is_video:
            yield _color_video(job, style, look, batch_size, quiet)
    with ThreadPoolExecutor(threads) as pool:
        waiting: dict[tuple[int, ...], list[tuple[_Open, int]]] = defaultdict(list)
        writes: deque[Future] = deque()
        try:
            for read in _ahead(pool, [job for job in jobs if not job.is_video], look, 2 * threads):
                try:
                    file = read.result()
                except UserError as error:
                    yield error
                    continue
                for index, view in enumerate(file.views):
                    group = waiting[view.shape]
                    group.append((file, index))
                    if len(group) == batch_size:
                        writes += _paint(waiting.pop(view.shape), style, look, pool)
                # Files of rare sizes do not wait until the end.
                while sum(map(len, waiting.values())) > 4 * batch_size:
                    writes += _paint(waiting.pop(next(iter(waiting))), style, look, pool)
                yield from _finished(writes, at_most=2 * threads)
            for group in list(waiting.values()):
                writes += _paint(group, style, look, pool)
            yield from _finished(writes, at_most=0)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _color_video(job: Job, style: Style, look: Look, batch_size: int, quiet: bool) -> UserError | None:
    try:
        color_video(job.source, job.target, style, look, batch_size, quiet)
    except UserError as error:
        return error
    return None


def _ahead(pool: ThreadPoolExecutor, jobs: Sequence[Job], look: Look, count: int) -> Iterator[Future]:
    """Yield the future of each job's file, while the next `count` are being read."""
    rest, reading = iter(jobs), deque()
    while True:
        for job in islice(rest, count - len(reading) + 1):
            source = sys.stdin.buffer.read() if job.source is None else job.source
            reading.append(pool.submit(_read, job, source, look))
        if not reading:
            return
        yield reading.popleft()


def _read(job: Job, source: Source, look: Look) -> _Open:
    with vips_errors(source):
        frames = look.frames_of(source)
        return _Open(job, source, [frame.size for frame in frames], [view_of(frame, look.scale) for frame in frames])


def _paint(group: list[tuple[_Open, int]], style: Style, look: Look, pool: ThreadPoolExecutor) -> list[Future]:
    """Run the network on images of one size. Return the futures of writing the files whose last frame this was."""
    lumas = np.concatenate([file.views[index] for file, index in group])
    complete = []
    for (file, index), painted in zip(group, style.paint(lumas), strict=True):
        file.prepared[index] = look.prepare(file.sizes[index], file.views[index], painted[None])
        if len(file.prepared) == len(file.views):
            complete.append(pool.submit(_write, file, look))
    return complete


def _write(file: _Open, look: Look) -> None:
    with vips_errors(file.source):
        opened = look.frames_of(file.source)
        frames = [look.apply(frame, file.prepared[index]) for index, frame in enumerate(opened)]
    durations, job = [frame.duration for frame in opened], file.job
    if job.target is None:
        sys.stdout.buffer.write(encode(frames, durations, job.format, look.quality))
        sys.stdout.buffer.flush()
    else:
        write(frames, durations, job.target, job.format, look.quality)


def _finished(writes: deque[Future], at_most: int) -> Iterator[UserError | None]:
    """Yield the errors of what has been written, and wait until at most this many are still being written."""
    while writes and (len(writes) > at_most or writes[0].done()):
        try:
            writes.popleft().result()
            yield None
        except UserError as error:
            yield error
