"""Images that are damaged, strange or huge: named before training, skipped in a test, never waited for."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faults.case import CONTINUE, EVALUATE, NEW, TEST, ends, snapshot
from tests.helpers.images import noise, save
from tests.helpers.launch import ROOT, start

PICTURE = noise(40, 48, 5)


def content(format: str, pixels: np.ndarray = PICTURE) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def put(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def tiff(values: np.ndarray) -> Callable[[Path], object]:
    return lambda path: Image.fromarray(values).save(path, "TIFF")


def png_of(width: int, height: int) -> bytes:
    """Return the bytes of a PNG whose header claims a size."""
    data = bytearray(content("PNG"))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


FLOAT = np.full((40, 48), 0.5, np.float32)
NAN, INF = FLOAT.copy(), FLOAT.copy()
NAN[3, 4], INF[3, 4] = np.nan, np.inf
# Files that are no readable image, by what their header shows: before training, or when the pixels are read.
BAD_HEADERS: dict[str, Callable[[Path], object]] = {
    "empty": put(b""), "text": put(b"not an image"), "HTML": put(b"<html><body>404</body></html>"),
    "zeros": put(bytes(3000)), "EPS": put(content("EPS")), "PDF": put(content("PDF")), "ICO": put(content("ICO")),
    "header of a PNG alone": put(content("PNG")[:20]), "header of a JPEG alone": put(content("JPEG")[:10]),
    "header of a TIFF alone": put(content("TIFF")[:6]), "GIF of no size": put(b"GIF89a" + bytes(7)),
    "BMP cut short": put(content("BMP")[:20]), "WEBP cut short": put(content("WEBP")[:16]),
    "zip": put(b"PK\x05\x06" + bytes(18)), "gzip": put(b"\x1f\x8b" + bytes(30)),
    "200 megapixels": put(png_of(20_000, 10_000)), "2^31 pixels a side": put(png_of(2**31 - 1, 2**31 - 1)),
    "no pixels": put(png_of(0, 0)), "a link to nowhere": lambda path: path.symlink_to("nowhere.png"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}  # fmt: skip
BAD_PIXELS: dict[str, Callable[[Path], object]] = {
    "PNG cut short": put(content("PNG")[:2000]), "JPEG of which a part is zero": put(
        content("PNG")[:200] + bytes(4000)),
    "TIFF cut short": put(content("TIFF")[:3000]), "PPM cut short": put(content("PPM")[:3000]),
    "BMP without its pixels": put(content("BMP")[:60]),
    "GIF cut short": put(content("GIF")[:1200]), "PNG with a damaged part": put(
        content("PNG")[:500] + b"\xff" * 8 + content("PNG")[508:]),
    "floats with NaN": tiff(NAN), "floats with infinity": tiff(INF), "floats to 255": tiff(FLOAT * 400),
    "negative floats": tiff(FLOAT - 1), "32-bit integers": tiff((FLOAT * 2**30).astype(np.int32)),
    "not as large as its header says": put(png_of(400, 4000)),
}  # fmt: skip
SPECIAL: dict[str, Callable[[Path], object]] = {  # skipped without a word: they are no images and could be waited for
    "pipe": lambda path: os.mkfifo(path), "link to the folder": lambda path: path.symlink_to("."),
    "link to the folder above": lambda path: path.symlink_to(".."), "hidden file": lambda path: path.with_name(
        ".x.png").write_bytes(b""),
    "text beside": lambda path: path.with_suffix(".txt").write_text("x"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"), "folder": lambda path: path.mkdir(),
    "folder with a dot": lambda path: path.with_suffix(".d").mkdir(),
    "circle of links": lambda path: (path.with_name("a").symlink_to("."), path.with_name("b").symlink_to(".")),
}  # fmt: skip
GOOD: dict[str, Callable[[Path], object]] = {  # read, although they are unusual
    "GIF": put(content("GIF")), "WEBP": put(content("WEBP")), "PNG named jpg": put(content("PNG")),
    "16-bit gray": lambda path: Image.fromarray((FLOAT * 65535).astype(np.uint16)).save(path, "PNG"),
    "floats": tiff(FLOAT), "one pixel": put(content("PNG", noise(1, 1))),
    "one column": put(content("PNG", noise(90, 1))),
    "one row": put(content("PNG", noise(1, 90))), "CMYK": lambda path: Image.new("CMYK", (40, 48), (9, 9, 9, 9)).save(
        path, "JPEG"),
    "one bit": lambda path: Image.new("1", (40, 48)).save(path, "PNG"), "palette": lambda path: Image.fromarray(
        PICTURE).convert("P").save(path, "PNG"),
    "alpha": lambda path: Image.fromarray(PICTURE).convert("RGBA").save(path, "PNG"),
    "bytes after its end": put(content("PNG") + b"more"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_bad_header_is_named_before_training(folder, name):
    BAD_HEADERS[name](folder / "set/trainB/x.jpg")
    before = snapshot(folder)
    done = ends(NEW, folder, 1, "set/trainB/x.jpg")
    assert "--on_bad_image skip leaves" in done.stderr and snapshot(folder) == before


@pytest.mark.parametrize("name", ["empty", "200 megapixels", "a link to nowhere"])
def test_bad_headers_are_left_out_when_asked(folder, name):
    BAD_HEADERS[name](folder / "set/trainA/x.jpg")
    BAD_HEADERS["text"](folder / "set/trainA/y.jpg")
    done = ends(f"{NEW} --on_bad_image skip", folder, 0, "trainA 2, trainB 2")
    assert done.stderr.count("\n") == 1 and "and 1 more files are bad: left out" in done.stderr


@pytest.mark.parametrize("name", BAD_PIXELS)
def test_bad_pixels_end_training_or_are_skipped(folder, name):
    BAD_PIXELS[name](folder / "set/trainB/x.tif")
    ends(f"{NEW} --batch_size 3 --max_dataset_size 3", folder, 1, "set/trainB/x.tif")
    done = ends(f"{NEW} --on_bad_image skip --n_epochs 2", folder, 0, "end of epoch 2 / 2")
    assert done.stderr.count("\n") == 1 and "set/trainB/x.tif" in done.stderr


def test_a_bad_image_in_a_loading_process_ends_all_processes(folder):
    """A real process, since a fork ends without what Python does at its end."""
    BAD_PIXELS["PNG cut short"](folder / "set/trainB/x.png")
    with start(f"{NEW} --num_threads 2 --cache off".replace("train.py", str(ROOT / "train.py"), 1), folder) as process:
        try:
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 1 and err.startswith("error: set/trainB/x.png") and err.count("\n") == 1, err


def test_a_loading_process_that_finds_no_good_image_ends_in_one_line(folder):
    for path in (folder / "set/trainB").iterdir():
        path.write_bytes(path.read_bytes()[:-60])
    done = ends(f"{NEW} --num_threads 1 --cache off --on_bad_image skip", folder, 1, "no image of this dataset")
    assert done.stderr.endswith("error: no image of this dataset can be read\n")


def test_what_was_trained_before_a_bad_image_is_saved(folder):
    BAD_PIXELS["PNG cut short"](folder / "set/trainB/x.png")
    ends(f"{NEW} --serial_batches", folder, 1, "set/trainB/x.png")
    (folder / "set/trainB/x.png").write_bytes(content("PNG"))
    ends(CONTINUE.replace("--name run", "--name new"), folder, 0, "continuing at epoch 1, image 2")


@pytest.mark.parametrize("name", [*BAD_HEADERS, *BAD_PIXELS])
def test_one_bad_image_does_not_end_a_test(folder, name):
    {**BAD_HEADERS, **BAD_PIXELS}[name](folder / "set/testA/0b.jpg")
    done = ends(TEST, folder, 1, "set/testA/0b.jpg")
    assert done.stderr.count("\n") == 2 and done.stderr.endswith("error: 1 images could not be colored\n")
    results = folder / "results/run/test_latest"
    assert "2 images in" in done.stdout and (results / "index.html").read_text().count("<h2>") == 2


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_no_image_is_skipped(folder, name):
    for where in ("trainA", "testA"):
        SPECIAL[name](folder / f"set/{where}/0b.jpg")
    ends(NEW, folder, 0, "trainA 2, trainB 2")
    ends(TEST, folder, 0, "2 images in")


@pytest.mark.parametrize("name", GOOD)
def test_unusual_images_are_read(folder, name):
    GOOD[name](folder / "set/testA/0b.jpg")
    ends(TEST, folder, 0, "3 images in")


def test_a_limit_on_pixels_can_be_lifted_and_lowered(folder):
    save(noise(1000, 1100), folder / "set/testA/large.png")
    ends(f"{TEST} --max_megapixels 1", folder, 1, "large.png has 1.1 megapixels; --max_megapixels 2 reads it")
    ends(f"{TEST} --max_megapixels 2", folder, 0, "3 images in")


def test_every_file_bad_is_said(folder):
    for path in (folder / "set/testA").iterdir():
        path.write_bytes(b"")
    ends(TEST, folder, 1, "2 images could not be colored")
    for path in (folder / "set/trainA").iterdir():
        path.write_bytes(b"")
    ends(f"{NEW} --on_bad_image skip", folder, 1, "no file in set/trainA is a readable image")


def test_a_bad_image_ends_an_evaluation_whose_figures_would_lack_it(folder):
    (folder / "set/testB/1.png").write_bytes(b"")
    ends(EVALUATE, folder, 1, "set/testB/1.png")


def test_formats_that_are_not_read_are_named(folder):
    for name in ("a.heic", "b.gif", "c.avif"):
        (folder / f"set/trainA/{name}").write_bytes(content("GIF"))
    done = ends(NEW, folder, 0, "trainA 2, trainB 2")
    assert "a.heic and 2 others are in formats that are not read" in done.stdout


@pytest.mark.parametrize("name", [b"caf\xe9.png", "漢字.png".encode(), b"a b 'c' \"d\".png", b"%41?x=1#2.png",
                                  b"<b>.png", b"-rf.png", b"new\nline.png", b"\xff\xfe.png",
                                  b"x" * 200 + b".png"])  # fmt: skip
def test_any_bytes_in_a_name_are_taken(folder, name):
    path = os.fsencode(folder / "set/testA") + b"/" + name
    with open(path, "wb") as file:
        file.write(content("PNG"))
    ends(TEST, folder, 0, "3 images in")
    results = folder / "results/run/test_latest"
    assert len(list(results.glob("images/fake_B/*.png"))) == 3
    assert len(json.loads((results / "results.json").read_text())["files"]) == 6
    ends(TEST, folder, 0, "3 images in")
    with open(path, "wb") as file:
        file.write(b"")
    ends(TEST, folder, 1, "1 images could not be colored")


def test_folders_that_are_missing_or_empty_are_named(folder):
    ends(f"{NEW} --phase=", folder, 1, "no folder set/A")
    (folder / "set/trainA").rename(folder / "set/other")
    ends(NEW, folder, 1, "no folder set/trainA")
    (folder / "set/trainA").mkdir()
    ends(NEW, folder, 1, "it is empty")
    (folder / "set/trainA").rmdir()
    (folder / "set/trainA").write_text("a file")
    ends(NEW, folder, 1, "no folder set/trainA")
