"""Videos: frames, sound, and colors that are steady where the image stands still."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from tqdm import tqdm

from inference import video
from inference.look import Look
from inference.torch_style import TorchStyle
from inference.video import Smoother, color_video
from models.color_losses import LUMA
from models.networks import define_G
from tests.helpers.images import noise
from tests.helpers.launch import error_of
from util.errors import UserError

av = pytest.importorskip("av", reason="PyAV is not installed; scripts/install.sh video installs it")
RATE = 8000  # of the sound


@pytest.fixture
def style(tmp_path) -> TorchStyle:
    torch.save(define_G(3, 3, 4, "resnet_4blocks", init_gain=1).state_dict(), tmp_path / "tiny.pth")
    return TorchStyle(tmp_path / "tiny.pth", "tiny", "-1")


def make_video(path: Path, frames: list[np.ndarray], sound=None, times=None, aspect=None) -> Path:
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("libx264", 25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv444p", {"crf": "4"}
        track = writer.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = times[number] if times else number, Fraction(1, 25)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
        if track:
            samples = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
            samples.sample_rate, samples.pts = RATE, 0
            writer.mux(track.encode(samples))
            writer.mux(track.encode())
    return path


def frames_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as reader:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in reader.decode(video=0)]).astype(float)


def packets_of_sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as reader:
        return [bytes(packet) for packet in reader.demux(audio=0) if packet.size]


def shot(seed: int, count: int = 12, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    """Frames of one image, each with grain of its own."""
    image = np.kron(noise(size[0] // 8, size[1] // 8, seed), np.ones((8, 8, 1))).astype(np.uint8)
    gray = (image @ np.array(LUMA))[..., None].repeat(3, 2) * 0.8 + 25
    grain = np.random.default_rng(seed).normal(0, 6, (count, *size, 1))
    return list((gray + grain).clip(0, 255).astype(np.uint8))


def turn_clockwise(path: Path) -> None:
    """Write a quarter turn into the track header of an MP4, as cameras do; QuickTime File Format, matrix structure."""
    content = bytearray(path.read_bytes())
    begin = content.index(b"tkhd") + 44
    one = 1 << 16
    content[begin : begin + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def chroma(frames: np.ndarray) -> np.ndarray:
    return frames - (frames @ np.array(LUMA))[..., None]


def flicker(frames: np.ndarray) -> float:
    return float(np.abs(np.diff(chroma(frames), axis=0)).mean())


def test_frames_times_and_sound_stay(tmp_path, style):
    sound = np.sin(np.arange(RATE) / 8) * 0.3
    source = make_video(tmp_path / "in.mp4", shot(0) + shot(1), sound)
    color_video(source, tmp_path / "out/film.mp4", style, Look(32), batch_size=4)
    before, after = frames_of(source), frames_of(tmp_path / "out/film.mp4")
    assert after.shape == before.shape and np.abs((after - before) @ np.array(LUMA)).mean() < 6
    assert np.ptp(after, axis=3).mean() > 10 > np.ptp(before, axis=3).mean()  # it is in color, and was not
    assert packets_of_sound(tmp_path / "out/film.mp4") == packets_of_sound(source) != []
    with av.open(str(source)) as one, av.open(str(tmp_path / "out/film.mp4")) as other:
        times = [[float(frame.pts * frame.time_base) for frame in reader.decode(video=0)] for reader in (one, other)]
    assert times[0] == pytest.approx(times[1])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["film.mp4"]


def test_smoothing_halves_the_flicker_and_does_not_cross_a_cut(tmp_path, style):
    source, results = make_video(tmp_path / "in.mp4", shot(0) + shot(1)), {}
    for smoothing in (0, 8):
        target = tmp_path / f"{smoothing}.mkv"
        color_video(source, target, style, Look(32, smoothing=smoothing), batch_size=5)
        results[smoothing] = frames_of(target)
    for start in (0, 12):
        alone, smooth = (flicker(results[smoothing][start : start + 12]) for smoothing in (0, 8))
        assert smooth < alone / 2
    at_cut = np.abs(chroma(results[8][12:13]) - chroma(results[0][12:13])).mean()
    across = np.abs(chroma(results[0][12:13]) - chroma(results[0][11:12])).mean()
    assert at_cut < across / 4


def test_a_place_that_moves_takes_the_new_color_at_once():
    smoother = Smoother(8)
    before, after = np.full((1, 1, 8, 8), 0.5), np.full((1, 1, 8, 8), 0.5)
    after[..., :2, :2] = 0.9
    old, new = np.zeros((8, 8, 6)), np.ones((8, 8, 6))
    assert np.array_equal(smoother.add(before, old), old)
    mixed = smoother.add(after, new)
    assert np.allclose(mixed[:2, :2], 1) and np.allclose(mixed[4:, 4:], 1 / 9)
    assert np.array_equal(smoother.add(np.full((1, 1, 8, 8), 0.1), old), old)  # another shot


def test_turned_video_is_upright(tmp_path, style):
    image = np.full((48, 64, 3), 60, np.uint8)
    image[:, 32:] = 180  # what is on the right comes below
    turn_clockwise(make_video(tmp_path / "in.mp4", [image] * 3))
    color_video(tmp_path / "in.mp4", tmp_path / "out.mp4", style, Look(32), batch_size=4)
    luma = frames_of(tmp_path / "out.mp4") @ np.array(LUMA)
    assert luma.shape == (3, 64, 48) and luma[:, :28].mean() < 70 and luma[:, 36:].mean() > 170
    with av.open(str(tmp_path / "out.mp4")) as reader:
        assert next(reader.decode(video=0)).rotation == 0


def test_progress_counts_frames(tmp_path, style, monkeypatch, capsys):
    bars = []
    monkeypatch.setattr(video, "tqdm", lambda **options: bars.append(tqdm(**options)) or bars[-1])
    source = make_video(tmp_path / "in.mp4", shot(0))
    for quiet, shown in ((False, "in.mp4:   0%|          | 0/12 ["), (True, "")):
        color_video(source, tmp_path / "out.mp4", style, Look(32), batch_size=5, quiet=quiet)
        assert shown in (printed := capsys.readouterr().err) and bool(printed) == bool(shown)
    assert bars[0].n == bars[0].total == 12


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_video_without_sound_and_of_odd_size(tmp_path, style, size):
    source = make_video(tmp_path / "in.mkv", [noise(*size, seed=k) for k in range(3)])
    color_video(source, tmp_path / "out.webm", style, Look(32), batch_size=2)
    assert frames_of(tmp_path / "out.webm").shape == (3, *size, 3)


def test_what_is_no_video_gets_one_line(tmp_path, style, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    flags = f"-o {tmp_path / 'b'} --checkpoint {tmp_path / 'tiny.pth'} --gpu_ids -1"
    assert f"{tmp_path / 'a.mp4'} cannot be colored" in error_of(f"colorize.py {tmp_path / 'a.mp4'} {flags}", code=3)
    assert not (tmp_path / "b").exists()
    monkeypatch.setattr(video, "av", None)
    with pytest.raises(UserError, match=r"needs PyAV; install it with scripts/install\.sh"):
        color_video(tmp_path / "a.mp4", tmp_path / "b/a.mp4", style, Look(32), 1)


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as reader:
        return [float(frame.pts * frame.time_base) for frame in reader.decode(video=0)]


def test_irregular_times_and_pixels_that_are_not_square_stay(tmp_path, style):
    source = make_video(tmp_path / "in.mkv", shot(0, 5), times=[0, 1, 5, 6, 20], aspect=Fraction(16, 15))
    color_video(source, tmp_path / "out.mkv", style, Look(32), batch_size=2)
    assert times_of(tmp_path / "out.mkv") == pytest.approx([0, 0.04, 0.2, 0.24, 0.8], abs=2e-3)
    with av.open(str(tmp_path / "out.mkv")) as reader:
        assert reader.streams.video[0].sample_aspect_ratio == Fraction(16, 15)


@pytest.mark.parametrize(("height", "tag"), [(720, 1), (480, 6)])
def test_matrix_of_the_colors_is_that_of_the_height_and_is_tagged(tmp_path, style, height, tag):
    source = make_video(tmp_path / "in.mp4", [np.full((height, 640, 3), (200, 60, 20), np.uint8)])
    color_video(source, tmp_path / "out.mp4", style, Look(32, strength=0), batch_size=1)
    with av.open(str(source)) as one, av.open(str(tmp_path / "out.mp4")) as other:
        before, after = (next(reader.decode(video=0)) for reader in (one, other))
    assert (before.colorspace, after.colorspace, after.color_range) == (2, tag, 1)
    # Strength 0: the values are those of the source, which players read with the matrix of this height.
    planes = [frame.to_ndarray(format="yuv444p").reshape(3, -1).mean(1) for frame in (before, after)]
    assert np.abs(planes[0] - planes[1]).max() < 2


def test_sound_that_the_file_cannot_hold_gets_one_line(tmp_path, style):
    source = make_video(tmp_path / "in.mp4", shot(0, 3), np.zeros(RATE))
    with pytest.raises(UserError, match=r"in\.mp4 cannot be colored"):
        color_video(source, tmp_path / "out/a.webm", style, Look(32), batch_size=2)
    assert not list((tmp_path / "out").iterdir())
