"""Colors a video frame by frame, with its sound, and keeps the colors steady over time."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyvips
import torch
import torch.nn.functional as F

from inference.image_file import Frame
from inference.look import Look, view_of
from inference.style import Style
from util.errors import UserError

try:
    import av
except ImportError:  # the extra video is not installed
    av = None

_CUT = 0.12  # mean change of luma (0..1) from one frame to the next, above which a new shot begins
_MOTION = 0.1  # change of luma at which a place takes the color of the new frame alone


class Smoother:
    """Averages over time what `Look.prepare` returns, where the image stands still; a new shot starts anew."""

    def __init__(self, frames: float):
        """Args: frames: over about how many frames a still place is averaged; 0 = none."""
        self.least = 1 / (1 + frames)  # the share of the new frame where nothing moves
        self.view: torch.Tensor | None = None
        self.mean: np.ndarray | None = None

    def add(self, view: torch.Tensor, prepared: np.ndarray) -> np.ndarray:
        """Return the average at this frame.

        Args:
            view: what the network saw, (1, 1, h, w) in 0..1.
            prepared: (h, w, channels).
        """
        change = None if self.view is None else (view - self.view).abs()
        if change is None or change.mean() > _CUT:
            self.mean = prepared
        else:
            moves = F.max_pool2d(change, 3, stride=1, padding=1)[0, 0, ..., None].numpy() / _MOTION
            share = self.least + (1 - self.least) * moves.clip(0, 1)
            self.mean = self.mean + share * (prepared - self.mean)
        self.view = view
        return self.mean


def color_video(source: Path, target: Path, style: Style, look: Look, batch_size: int) -> None:
    """Color the first video stream of a file; sound is copied. The result is written whole or not at all.

    Raises:
        UserError: if the file cannot be read, the target cannot hold what is in it, or PyAV is not installed.
    """
    if av is None:
        raise UserError(f"{source} is a video, which needs PyAV; install it with scripts/install.sh monitor,video")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".part_{target.name}")  # the suffix tells the kind of file
    try:
        first = _first_frame(source)
        with av.open(str(source)) as reader, av.open(str(partial), "w") as writer:
            _convert(reader, writer, first, style, look, batch_size)
        os.replace(partial, target)
    except (av.FFmpegError, ValueError) as error:
        raise UserError(f"{source} cannot be colored ({error})") from None
    finally:
        partial.unlink(missing_ok=True)


def _first_frame(source: Path) -> Frame:
    with av.open(str(source)) as reader:
        if reader.streams.video:
            for frame in reader.decode(video=0):
                return _upright(frame)
    raise UserError(f"{source} has no video")


def _convert(reader, writer, first: Frame, style: Style, look: Look, batch_size: int) -> None:
    stream, smoother = reader.streams.video[0], Smoother(look.smoothing)
    stream.thread_type = "AUTO"
    out = writer.add_stream("libvpx-vp9" if "webm" in writer.format.name else "libx264", stream.average_rate or 25)
    out.width, out.height = first.size
    out.pix_fmt = "yuv444p" if out.width % 2 or out.height % 2 else "yuv420p"
    out.time_base, out.options = stream.time_base, {"crf": "18"}
    sound = {one.index: writer.add_stream_from_template(one) for one in reader.streams.audio}
    frames = _frames(reader, stream, sound, writer)
    while batch := list(islice(frames, batch_size)):
        views = [view_of(frame, look.scale) for frame, _ in batch]
        for (frame, pts), view, painted in zip(batch, views, style.paint(torch.cat(views)).split(1), strict=True):
            prepared = smoother.add(view, look.prepare(frame.size, view, painted))
            colored = av.VideoFrame.from_ndarray(look.apply(frame, prepared).numpy())
            colored.pts, colored.time_base = pts, stream.time_base
            writer.mux(out.encode(colored))
    writer.mux(out.encode())


def _frames(reader, stream, sound: dict, writer) -> Iterator[tuple[Frame, int]]:
    """Yield each frame with its time stamp, and copy the packets of sound between them."""
    for packet in reader.demux(stream, *(one for one in reader.streams.audio if one.index in sound)):
        if packet.stream is stream:
            for frame in packet.decode():
                yield _upright(frame), frame.pts
        elif packet.dts is not None:  # the last packet of a stream is empty
            packet.stream = sound[packet.stream.index]
            writer.mux(packet)


def _upright(frame) -> Frame:
    pixels = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)))
    return Frame(pyvips.Image.new_from_array(pixels), None, 255)
