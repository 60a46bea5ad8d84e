"""Colors a video frame by frame, with its sound, and keeps the colors steady over time."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyvips
from scipy.ndimage import maximum_filter
from tqdm import tqdm

from inference.image_file import Frame
from inference.look import Look, view_of
from inference.style import Style
from util.errors import UserError
from util.files import replacing

try:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    _TAGS = {Colorspace.ITU709: 1, Colorspace.ITU601: 6}  # of a stream: BT.709; SMPTE 170M
except ImportError:  # the extra video is not installed
    av = None

_CUT = 0.12  # mean change of luma (0..1) from one frame to the next, above which a new shot begins
_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
_MOTION = 0.1  # change of luma at which a place takes the color of the new frame alone


class Smoother:
    """Averages over time what `Look.prepare` returns, where the image stands still; a new shot starts anew."""

    def __init__(self, frames: float):
        """Args: frames: over about how many frames a still place is averaged; 0 = none."""
        self.least = 1 / (1 + frames)  # the share of the new frame where nothing moves
        self.view: np.ndarray | None = None
        self.mean: np.ndarray | None = None

    def add(self, view: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Return the average at this frame.

        Args:
            view: what the network saw, (1, 1, h, w) in 0..1.
            prepared: (h, w, channels).
        """
        change = None if self.view is None else np.abs(view - self.view)
        if change is None or change.mean() > _CUT:
            self.mean = prepared
        else:
            moves = maximum_filter(change[0, 0], 3, mode="nearest")[..., None] / _MOTION
            share = self.least + (1 - self.least) * moves.clip(0, 1)
            self.mean = self.mean + share * (prepared - self.mean)
        self.view = view
        return self.mean


def color_video(source: Path, target: Path, style: Style, look: Look, batch_size: int, quiet: bool = True) -> None:
    """Color the first video stream of a file; sound is copied. The result is written whole or not at all.

    Args:
        batch_size: frames that the network takes at once.
        quiet: show no progress.

    Raises:
        UserError: if the file cannot be read, the target cannot hold what is in it, or PyAV is not installed.
    """
    if av is None:
        raise UserError(f"{source} is a video, which needs PyAV; install it with scripts/install.sh monitor,video")
    try:
        first = _first_frame(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        container = _CONTAINERS[target.suffix.lower()]
        with (
            replacing(target) as file,
            open(source, "rb") as content,
            av.open(content) as reader,
            av.open(file, "w", format=container) as writer,
            tqdm(
                desc=source.name, total=reader.streams.video[0].frames or None, unit="frame", leave=False, disable=quiet
            ) as progress,
        ):
            _convert(reader, writer, first, style, look, batch_size, progress)
    except (av.FFmpegError, ValueError) as error:
        raise UserError(f"{source} cannot be colored ({error})") from None
    except OSError as error:
        raise UserError(f"{source} cannot be colored ({error.strerror})") from None


def _first_frame(source: Path) -> "av.VideoFrame":
    with open(source, "rb") as content, av.open(content) as reader:
        if reader.streams.video:
            for frame in reader.decode(video=0):
                return frame
    raise UserError(f"{source} has no video")


def _convert(reader, writer, first: "av.VideoFrame", style: Style, look: Look, batch_size: int, progress: tqdm) -> None:
    stream, smoother = reader.streams.video[0], Smoother(look.smoothing)
    stream.thread_type = "AUTO"
    size, matrix = _upright(first, first).size, _matrix(first)
    out = writer.add_stream("libvpx-vp9" if "webm" in writer.format.name else "libx264", stream.average_rate or 25)
    out.width, out.height = size
    out.pix_fmt = "yuv444p" if out.width % 2 or out.height % 2 else "yuv420p"
    out.time_base, out.options = stream.time_base, {"crf": "18"}
    codec = out.codec_context
    codec.colorspace = codec.color_primaries = codec.color_trc = _TAGS[matrix]
    codec.color_range = ColorRange.MPEG.value
    if stream.sample_aspect_ratio:  # pixels that are not square
        turned = first.rotation % 180
        codec.sample_aspect_ratio = 1 / stream.sample_aspect_ratio if turned else stream.sample_aspect_ratio
    sound = {one.index: writer.add_stream_from_template(one) for one in reader.streams.audio}
    frames = _frames(reader, stream, sound, writer, first)
    while batch := list(islice(frames, batch_size)):
        views = [view_of(frame, look.scale) for frame, _ in batch]
        for (frame, pts), view, painted in zip(batch, views, style.paint(np.concatenate(views)), strict=True):
            pixels = look.apply(frame, smoother.add(view, look.prepare(size, view, painted[None]))).numpy()
            colored = av.VideoFrame.from_ndarray(pixels).reformat(
                format=out.pix_fmt, dst_colorspace=matrix, dst_color_range=ColorRange.MPEG
            )
            colored.pts, colored.time_base = pts, stream.time_base
            writer.mux(out.encode(colored))
        progress.update(len(batch))
    writer.mux(out.encode())


def _frames(reader, stream, sound: dict, writer, first: "av.VideoFrame") -> Iterator[tuple[Frame, int]]:
    """Yield each frame with its time stamp, and copy the packets of sound between them.

    Time stamps grow: one that is missing or too small follows the one before by the time of a frame.
    """
    step = max(1, round(1 / (stream.average_rate or 25) / stream.time_base))
    before = None
    for packet in reader.demux(stream, *reader.streams.audio):
        if packet.stream is stream:
            for frame in packet.decode():
                pts = frame.pts
                if before is not None and (pts is None or pts <= before):
                    pts = before + step
                before = pts or 0
                yield _upright(frame, first), before
        elif packet.dts is not None:  # the last packet of a stream is empty
            packet.stream = sound[packet.stream.index]
            writer.mux(packet)


def _upright(frame: "av.VideoFrame", first: "av.VideoFrame") -> Frame:
    """Return a frame as RGB, at the size of the first, turned as the camera was held."""
    size = {"width": first.width, "height": first.height}
    pixels = frame.reformat(format="rgb24", src_colorspace=_matrix(frame), **size).to_ndarray()
    pixels = np.ascontiguousarray(np.rot90(pixels, round(first.rotation / 90)))
    return Frame(pyvips.Image.new_from_array(pixels), None, 255)


def _matrix(frame: "av.VideoFrame") -> "Colorspace":
    """Return the matrix between RGB and the frame's YUV: as tagged, else by its height, as players do."""
    tagged = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601}.get(frame.colorspace)
    return tagged or (Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601)
