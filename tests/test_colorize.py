"""colorize.py as a user meets it: any file in, the same kind of file out, in color."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import pyvips
import torch
from PIL import Image, ImageCms
from skimage import data as skimage_data

from data.image_reader import read_image
from models.color_losses import LUMA
from models.networks import define_G, strips
from tests.helpers.images import damage, noise, read, save
from tests.helpers.launch import ROOT, error_of, output_of, run, start

TOLERANCE = 1.5  # of the luma, in levels of 255: three channels are rounded


@pytest.fixture
def tiny(tmp_path):
    """Flags of a small random generator, on one core."""
    net = define_G(3, 3, 4, "resnet_4blocks", init_gain=1)
    torch.save(net.state_dict(), tmp_path / "tiny.pth")
    return f"--checkpoint {tmp_path / 'tiny.pth'} --gpu_ids -1 --threads 2 --scale 32"


def luma(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., :3].astype(float) @ LUMA if pixels.ndim == 3 else pixels.astype(float)


def loaded(path) -> np.ndarray:
    """The values of a file as libvips reads them, (H, W, bands): Pillow reads 16-bit color as 8 bits."""
    image = pyvips.Image.new_from_file(str(path))
    return image.numpy().reshape(image.height, image.width, -1)


def test_one_image_gets_a_result_beside_it_in_the_style_that_comes_with_the_project(tmp_path):
    save(skimage_data.camera(), tmp_path / "photo.jpg")
    printed = output_of(f"colorize.py {tmp_path / 'photo.jpg'} --gpu_ids -1")
    assert printed == f"{tmp_path / 'photo_vangogh.png'}\n"
    gray, colored = read(tmp_path / "photo.jpg"), read(tmp_path / "photo_vangogh.png")
    assert colored.shape == gray.shape and np.abs(luma(colored) - luma(gray)).max() < TOLERANCE
    assert (colored.max(2).astype(int) - colored.min(2)).mean() > 10


def test_result_is_that_of_test_py_at_the_size_that_the_network_saw(tmp_path):
    save(skimage_data.chelsea()[:64, :80, 0], tmp_path / "in/cat.png")
    style = f"--name vangogh --checkpoints_dir {ROOT / 'pretrained'} --gpu_ids -1"
    output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'out'} {style} --scale 0")
    output_of(f"test.py {style} --dataroot {tmp_path / 'in'} --dataset_mode single --preprocess none --num_threads 0 "
              f"--results_dir {tmp_path}")  # fmt: skip
    expected = read(tmp_path / "vangogh/test_latest/images/fake_B/cat.png").astype(int)
    assert np.abs(read(tmp_path / "out/cat.png") - expected).max() <= 1


def test_new_image_is_that_of_test_py_whole_and_in_strips(tmp_path, monkeypatch):
    save(skimage_data.chelsea()[:131, :163, 0], tmp_path / "in/cat.png")
    net = define_G(3, 3, 4, "resnet_4blocks", init_gain=1)
    (tmp_path / "ck/run").mkdir(parents=True)
    torch.save(net.state_dict(), tmp_path / "ck/run/latest_net_G.pth")
    style = f"--name run --checkpoints_dir {tmp_path / 'ck'} --gpu_ids -1"
    output_of(f"test.py {style} --dataroot {tmp_path / 'in'} --dataset_mode single --preprocess none --num_threads 0 "
              f"--ngf 4 --netG resnet_4blocks --gray --results_dir {tmp_path}")  # fmt: skip
    expected = read(tmp_path / "run/test_latest/images/fake_B/cat.png").astype(int)
    for whole in (strips._WHOLE, 0):
        monkeypatch.setattr(strips, "_WHOLE", whole)
        output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / f'{whole}'} {style} --keep_luma false")
        assert np.abs(read(tmp_path / f"{whole}/cat.png") - expected).max() <= 1


def test_checkpoint_of_a_run_brings_the_scale_of_its_training(tmp_path):
    save(noise(40, 60), tmp_path / "a.png")
    style = f"--name vangogh --checkpoints_dir {ROOT / 'pretrained'} --gpu_ids -1 --overwrite"
    results = []
    trained_at = json.loads((ROOT / "pretrained/vangogh/train_opt.json").read_text())["load_size"]
    for scale in ("", f"--scale {trained_at}", "--scale 64"):
        output_of(f"colorize.py {tmp_path / 'a.png'} -o {tmp_path / 'b.png'} {style} {scale}")
        results.append(read(tmp_path / "b.png"))
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


MODES = {  # how a test image of bytes (H, W, 3) becomes one of this mode
    "L": lambda pixels: Image.fromarray(pixels[..., 0]),
    "RGB": lambda pixels: Image.fromarray(pixels),
    "LA": lambda pixels: Image.fromarray(np.ascontiguousarray(pixels[..., :2]), "LA"),
    "RGBA": lambda pixels: Image.fromarray(np.dstack([pixels, pixels[..., 0]])),
    "P": lambda pixels: Image.fromarray(pixels).quantize(16),
    "1": lambda pixels: Image.fromarray(pixels[..., 0] > 127),
    "CMYK": lambda pixels: Image.fromarray(pixels).convert("CMYK"),
    "I;16": lambda pixels: Image.fromarray(pixels[..., 0].astype(np.uint16) * 257 + pixels[..., 1]),
}
KINDS = {"png": ["L", "RGB", "LA", "RGBA", "P", "1", "I;16"], "jpg": ["L", "RGB", "CMYK"], "webp": ["RGB", "RGBA"],
         "tif": ["L", "RGB", "RGBA", "1", "CMYK", "I;16"]}  # fmt: skip


def test_any_size_mode_and_format_keeps_its_size_luma_depth_and_alpha(tmp_path, tiny):
    random, sources = np.random.default_rng(0), {}
    for suffix, modes in KINDS.items():
        for number, mode in enumerate(modes * 3):
            # Lines of one pixel, small and larger images, and sizes around the network's 32 pixels.
            height, width = random.choice([1, 2, 3, 31, 32, 33, 70, 150], 2)
            image = MODES[mode](noise(height, width, seed=number))
            options = {"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "jpg" else {}
            name = f"{mode.replace(';', '')}_{number}.{suffix}"
            sources[name] = save(image, tmp_path / "in" / name, **options), mode
    assert output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'out'} {tiny} --quality 100") == (
        f"{len(sources)} of {len(sources)} images colored\n"
    )
    for name, (source, mode) in sources.items():
        result = tmp_path / "out" / name
        before, after = loaded(source), loaded(result)
        assert after.shape[:2] == before.shape[:2], name
        assert after.dtype == before.dtype, name
        with Image.open(result) as file:
            assert file.format == {"jpg": "JPEG", "tif": "TIFF"}.get(result.suffix[1:], result.suffix[1:].upper())
        if mode in ("LA", "RGBA") and result.suffix != ".webp":
            assert np.array_equal(after[..., -1], before[..., -1]), name
        if result.suffix in (".png", ".tif") and mode != "CMYK":
            shown = before[..., 0] if before.shape[2] < 3 else luma(before)
            scale = 257 if after.dtype == np.uint16 else 1
            assert np.abs(luma(after) - shown).max() < TOLERANCE * scale, name
        if mode != "1" and min(before.shape[:2]) > 2:  # black and white have no color, nor has a line for this network
            assert np.ptp(after[..., :3].astype(int), axis=2).max() > 5, name


def test_metadata_are_kept_and_the_image_is_upright(tmp_path, tiny):
    exiv2 = pytest.importorskip("pyexiv2", reason="pyexiv2 is not installed")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    save(noise(40, 60), tmp_path / "a.jpg", exif=exif, dpi=(300, 300))
    for suffix in ("jpg", "png", "webp"):
        output_of(f"colorize.py {tmp_path / 'a.jpg'} -o {tmp_path / 'b'} --format {suffix} {tiny}")
        with exiv2.Image(str(tmp_path / f"b/a.{suffix}")) as file:
            found = file.read_exif()
            assert found["Exif.Image.Make"] == "Maker" and found.get("Exif.Image.Orientation", "1") == "1"
            assert found["Exif.Image.XResolution"].startswith("300")
            assert b"sRGB" in file.read_icc() or b"s\0R\0G\0B" in file.read_icc()
            assert (file.get_pixel_width(), file.get_pixel_height()) == (40, 60)
    upright = luma(np.rot90(read(tmp_path / "a.jpg"), -1))
    assert np.abs(luma(read(tmp_path / "b/a.png")) - upright).max() < TOLERANCE


def test_profile_is_converted_to_srgb(tmp_path, tiny):
    p3 = pyvips.Operation.call("profile_load", "p3")
    pixels = noise(20, 30)
    save(pixels, tmp_path / "p3.png", icc_profile=p3)
    output_of(f"colorize.py {tmp_path / 'p3.png'} -o {tmp_path / 'out.png'} {tiny} --strength 0")
    srgb = ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(Image.fromarray(pixels), io.BytesIO(p3), srgb)
    assert np.abs(read(tmp_path / "out.png").astype(int) - np.asarray(expected)).max() <= 2
    assert np.abs(np.asarray(expected).astype(int) - pixels).max() > 20  # the profile matters


@pytest.mark.parametrize(
    ("kind", "flags", "treatment"),
    [
        (np.uint16, "", {}),
        (np.uint16, "--gray_range 1000 3000", {"gray_range": (1000, 3000)}),
        (np.uint16, "--gray_stretch", {"gray_stretch": True}),
        (np.float32, "", {}),
        (np.float32, "--gray_range -1 0.5", {"gray_range": (-1, 0.5)}),
        (np.int32, "--gray_stretch", {"gray_stretch": True}),
    ],
)
def test_measured_values_are_treated_as_in_training(tmp_path, kind, flags, treatment):
    values = np.random.default_rng(0).normal(2000, 500, (40, 50)).clip(0, 65535)
    values = (values / 4000).astype(kind) if kind == np.float32 else values.astype(kind)
    save(Image.fromarray(values), tmp_path / "a.tif")
    expected = np.asarray(read_image(tmp_path / "a.tif", **treatment))[..., 0]
    recorded = {name: list(value) if name == "gray_range" else value for name, value in treatment.items()}
    style = tiny_run(tmp_path, recorded)
    # By flags, with a style that was trained on usual images; and as a style was trained.
    for number, command in enumerate((f"{tiny_run(tmp_path / 'plain', {})} {flags}", style)):
        output_of(f"colorize.py {tmp_path / 'a.tif'} -o {tmp_path / f'{number}.tif'} {command}")
        colored = loaded(tmp_path / f"{number}.tif")
        assert colored.dtype == np.uint16 and np.abs(luma(colored) / 257 - expected).max() < 1
        assert np.ptp(colored.astype(int), axis=2).max() > 2000


def tiny_run(folder, recorded: dict) -> str:
    """Flags of a run with a small random generator, and this record."""
    (folder / "ck/run").mkdir(parents=True)
    torch.save(define_G(3, 3, 4, "resnet_4blocks", init_gain=1).state_dict(), folder / "ck/run/latest_net_G.pth")
    options = {"preprocess": "rescale_shortside_and_crop", "load_size": 32, "crop_size": 32, **recorded}
    (folder / "ck/run/train_opt.json").write_text(json.dumps(options))
    return f"--name run --checkpoints_dir {folder / 'ck'} --gpu_ids -1"


def test_measured_pages_keep_their_orientation(tmp_path, tiny):
    pages = [Image.fromarray(np.full((40, 60), 1000 * k, np.uint16)) for k in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], tiffinfo={274: 6})
    for flags in ("", "--gray_range 0 4000"):
        output_of(f"colorize.py {tmp_path / 'a.tif'} -o {tmp_path / 'b.tif'} {tiny} {flags} --overwrite")
        with Image.open(tmp_path / "b.tif") as file, Image.open(tmp_path / "a.tif") as source:
            assert file.size == source.size == (40, 60) and file.n_frames == 3  # turned by its tag


def test_large_integers_keep_their_steps_and_alpha_is_left_as_it_is(tmp_path, tiny):
    steps = np.arange(1000).reshape(20, 50)
    save(Image.fromarray((steps + 10**9).astype(np.int32)), tmp_path / "a.tif")
    output_of(f"colorize.py {tmp_path / 'a.tif'} -o {tmp_path / 'b.tif'} {tiny} --gray_stretch --strength 0")
    assert np.abs(loaded(tmp_path / "b.tif")[..., 0] - steps * 65535 / 999).max() < 1
    alpha = (steps * 65).astype(np.uint16)
    both = pyvips.Image.new_from_array(np.dstack([(steps * 4).astype(np.uint16), alpha])).copy(interpretation="grey16")
    both.pngsave(str(tmp_path / "c.png"))
    output_of(f"colorize.py {tmp_path / 'c.png'} -o {tmp_path / 'd.png'} {tiny} --gray_range 0 4000 --strength 0")
    colored = loaded(tmp_path / "d.png")
    assert np.array_equal(colored[..., -1], alpha)
    assert np.abs(colored[..., 0] - (steps * 4 * 65535 / 4000).clip(0, 65535)).max() < 1


def test_values_that_are_no_numbers_are_refused(tmp_path, tiny):
    values = np.zeros((8, 8), np.float32)
    values[3, 4] = np.nan
    save(Image.fromarray(values), tmp_path / "a.tif")
    message = error_of(f"colorize.py {tmp_path / 'a.tif'} -o {tmp_path / 'b.png'} {tiny}", 3)
    assert "a.tif has pixels that are not finite numbers" in message and not (tmp_path / "b.png").exists()


def test_every_frame_of_an_animation_and_of_a_document_is_colored(tmp_path, tiny):
    frames = [Image.fromarray(noise(40, 60, seed=k)) for k in range(3)]
    for name in ("a.tif", "a.webp", "a.gif"):
        options = {"duration": 80, "lossless": True} if name == "a.webp" else {"duration": 80} if "gif" in name else {}
        save(frames[0], tmp_path / name, save_all=True, append_images=frames[1:], **options)
    for name, result in (("a.tif", "b.tif"), ("a.webp", "b.webp"), ("a.gif", "c.webp")):
        output_of(f"colorize.py {tmp_path / name} -o {tmp_path / result} {tiny} --quality 100")
        with Image.open(tmp_path / result) as file:
            assert file.n_frames == 3
            for index, frame in enumerate(frames):
                file.seek(index)
                shown = np.asarray(file.convert("RGB"))
                assert np.abs(luma(shown) - luma(np.asarray(frame))).mean() < (1 if name == "a.tif" else 12)
                assert name == "a.tif" or file.info["duration"] == 80
    message = error_of(f"colorize.py {tmp_path / 'a.gif'} -o {tmp_path / 'd'} {tiny}", code=3)
    assert "png holds one frame, and there are 3" in message and not (tmp_path / "d").exists()


def test_broken_files_are_named_and_the_others_are_colored(tmp_path, tiny):
    for number in range(6):
        save(noise(50, 60, seed=number), tmp_path / f"in/{number}.png")
    damage(tmp_path / "in/1.png")
    (tmp_path / "in/3.png").write_bytes(b"")
    (tmp_path / "in/5.png").write_text("no image")
    (tmp_path / "in/6.tif").write_bytes(b"II*\0")
    done = run(f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'out'} {tiny}", code=3)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 4 and all(
        any(f"in/{name}" in line for line in lines) for name in ("1.png", "3.png", "5.png", "6.tif")
    )
    assert done.stdout == "3 of 7 images colored; 4 could not be colored\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "2.png", "4.png"]


def test_second_start_colors_what_is_missing(tmp_path, tiny):
    for number in range(3):
        save(noise(40, 50, seed=number), tmp_path / f"in/{number}.png")
    command = f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'out'} {tiny}"
    output_of(command)
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    (tmp_path / "out/1.png").unlink()
    assert "1 of 3 images colored; 2 had a result already" in output_of(command)
    again = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert {name for name in times if times[name] != again[name]} == {"1.png"}
    assert output_of(f"{command} --overwrite") == "3 of 3 images colored\n"


def test_pyramid_is_one_image(tmp_path, tiny, monkeypatch):
    pixels = noise(70, 90)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # as if it were too large for Pillow
    image = pyvips.Image.new_from_array(pixels)
    image.tiffsave(str(tmp_path / "scan.tif"), pyramid=True, tile=True, tile_width=16, tile_height=16)
    assert pyvips.Image.new_from_file(str(tmp_path / "scan.tif")).get("n-pages") > 2
    output_of(f"colorize.py {tmp_path / 'scan.tif'} -o {tmp_path / 'out.png'} {tiny}")
    monkeypatch.undo()
    assert np.abs(luma(read(tmp_path / "out.png")) - luma(pixels)).max() < TOLERANCE
    pages = [Image.fromarray(noise(80, 60)), Image.fromarray(noise(40, 30))]  # sizes of a pyramid, and none
    save(pages[0], tmp_path / "document.tif", save_all=True, append_images=pages[1:])
    assert "document.tif" in error_of(f"colorize.py {tmp_path / 'document.tif'} -o {tmp_path / 'no.tif'} {tiny}", 3)
    assert not (tmp_path / "no.tif").exists()


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"a[1].png", "\u732b %s.png".encode()])
def test_any_name_of_a_file_will_do(tmp_path, tiny, name):
    folder = os.fsencode(tmp_path) + b"/in/"
    os.mkdir(folder)
    save(noise(20, 30), tmp_path / "a.png").rename(os.fsdecode(folder + name))
    output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'out'} {tiny}")
    assert os.listdir(os.fsencode(tmp_path) + b"/out") == [name]
    done = run(["colorize.py", os.fsdecode(folder + name), *tiny.split()])
    assert done.stdout.endswith("_tiny.png\n") and len(os.listdir(folder)) == 2


def test_document_of_many_pages_and_avif(tmp_path, tiny):
    pages = [Image.fromarray(noise(8, 8, seed=k)) for k in range(150)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    output_of(f"colorize.py {tmp_path / 'a.tif'} -o {tmp_path / 'b.tif'} {tiny} --batch_size 64")
    with Image.open(tmp_path / "b.tif") as file:
        assert file.n_frames == 150
        file.seek(149)
        assert np.abs(luma(np.asarray(file)) - luma(np.asarray(pages[149]))).max() < TOLERANCE
    pyvips.Image.new_from_array(noise(20, 30)).heifsave(str(tmp_path / "c.avif"), compression="av1", lossless=True)
    output_of(f"colorize.py {tmp_path / 'c.avif'} -o {tmp_path / 'out'} {tiny}")
    assert np.abs(luma(read(tmp_path / "out/c.png")) - luma(noise(20, 30))).max() < 4


def test_pages_that_differ_are_refused_in_one_line(tmp_path, tiny):
    pages = [Image.fromarray(noise(8, 8)), Image.fromarray(noise(9, 8)[..., 0])]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    message = error_of(f"colorize.py {tmp_path / 'a.tif'} -o {tmp_path / 'b.tif'} {tiny}", code=3)
    assert f"{tmp_path / 'a.tif'} is not a readable image" in message and not (tmp_path / "b.tif").exists()


@pytest.mark.slow
def test_a_killed_run_leaves_whole_results_only(tmp_path, tiny):
    for number in range(40):
        save(noise(300, 400, seed=number), tmp_path / f"in/{number}.png")
    with start(f"{ROOT / 'colorize.py'} {tmp_path / 'in'} -o {tmp_path / 'out'} {tiny}") as process:
        while len(list((tmp_path / "out").glob("*.png"))) < 5:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    for path in (tmp_path / "out").glob("*.png"):
        assert read(path).shape == (300, 400, 3)
    output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'out'} {tiny}")
    assert len(list((tmp_path / "out").iterdir())) == 40


@pytest.mark.slow
def test_hundred_megapixels_fit_into_two_gigabytes(tmp_path, tiny):
    rows, columns = np.mgrid[:1000, :1000] * (2 * np.pi / 1000)
    waves = (128 + 60 * (np.sin(3 * rows) + np.sin(4 * columns))).astype(np.uint8)
    pyvips.Image.new_from_array(waves).replicate(10, 10).jpegsave(str(tmp_path / "a.jpg"), Q=90)
    command = f"{sys.executable} {ROOT / 'colorize.py'} {tmp_path / 'a.jpg'} -o {tmp_path / 'b.jpg'} {tiny}"
    subprocess.run(["bash", "-c", f"ulimit -d {2 * 1024**2} && {command}"], check=True, capture_output=True)
    header = pyvips.Image.new_from_file(str(tmp_path / "b.jpg"))
    assert (header.width, header.height, header.bands) == (10_000, 10_000, 3)
    gray, colored = (  # every fourth row and column: JPEG reads them fast
        pyvips.Image.new_from_file(str(tmp_path / name), shrink=4).numpy().astype(int) for name in ("a.jpg", "b.jpg")
    )
    assert np.abs(luma(colored) - gray).mean() < 2 and np.abs(colored[..., 0] - colored[..., 2]).mean() > 5


@pytest.mark.slow
def test_standard_input_to_standard_output(tmp_path, tiny):
    save(noise(40, 50), tmp_path / "a.png")
    command = [sys.executable, ROOT / "colorize.py", "-", "-o", "-", *tiny.split()]
    done = subprocess.run(command, input=(tmp_path / "a.png").read_bytes(), capture_output=True, check=True)
    output_of(f"colorize.py {tmp_path / 'a.png'} -o {tmp_path / 'b.png'} {tiny}")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(done.stdout))), read(tmp_path / "b.png"))
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        ("--strength 2", 2, "--strength 2: expected 0 to 1"),
        ("--quality 0", 2, "--quality 0: expected 1 to 100"),
        ("--scale -1", 2, "--scale -1: expected 0 to 20000"),
        ("--strength nan", 2, "--strength nan: expected 0 to 1"),
        ("--format bmp", 2, "--format: invalid choice: 'bmp'"),
        ("--gray_range 5 5", 2, "--gray_range 5 5: expected the value of black"),
        ("--gray_range 0 inf", 2, "--gray_range 0 inf: expected the value of black"),
        ("--gray_range 0 1e-320", 2, "expected the value of black"),
        ("--shard 3/2", 2, "--shard 3/2: expected I/N"),
        ("--name ../x", 2, "--name '../x': expected a name that stays in its folder"),
        ("--name none", 1, "checkpoints/none/latest_net_G.pth: give --name"),
        ("--checkpoint none.pth", 1, "no checkpoint none.pth"),
        ("--name a --checkpoint b", 2, "give one of them"),
        ("--wrong", 2, "--wrong"),
    ],
)
def test_wrong_flags_get_one_line(tmp_path, flags, code, says):
    path = save(noise(4, 4), tmp_path / "a.png")
    assert says in error_of(f"colorize.py {path} {flags} --gpu_ids -1", code)
