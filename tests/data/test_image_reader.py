"""Images of every mode load as a person sees them."""

import numpy as np
import pytest
from PIL import Image

from data.image_reader import read_image
from tests.helpers.images import damage, noise, save
from util.errors import UserError

RAMP = np.linspace(0, 255, 16 * 16).reshape(16, 16).astype(np.uint8)
COLORS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)
BITS = RAMP > 127


def pixels(path, **keywords) -> np.ndarray:
    image = read_image(path, **keywords)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize(("stored", "shown"), [
    (RAMP, RAMP[..., None]), (COLORS, COLORS), (BITS, np.where(BITS, 255, 0)[..., None])
], ids=["gray", "RGB", "one bit"])  # fmt: skip
def test_image_reader_shows_values_as_they_are(tmp_path, stored, shown):
    assert (pixels(save(stored, tmp_path / "a.png")) == shown).all()


@pytest.mark.parametrize("name", ["EPS", "PDF", "ICO", "PCX"])
def test_image_reader_takes_no_other_format_under_the_name_of_a_jpeg(tmp_path, monkeypatch, name):
    Image.fromarray(COLORS).save(tmp_path / "a.jpg", name)
    monkeypatch.setattr("subprocess.check_call", pytest.fail)  # how Pillow starts ghostscript
    with pytest.raises(UserError, match=r"a\.jpg is not a readable image"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP"])
def test_image_reader_reads_each_format(tmp_path, name):
    Image.fromarray(np.full((8, 9, 3), 120, np.uint8)).save(tmp_path / "a.bin", name)
    assert np.abs(pixels(tmp_path / "a.bin").astype(int) - 120).max() <= 3


def test_image_reader_lays_transparency_over_white(tmp_path):
    alpha = RAMP.T
    for values in (COLORS, RAMP[..., None]):
        expected = values * (alpha[..., None] / 255) + 255 - alpha[..., None]
        path = save(np.dstack([values, alpha]), tmp_path / "alpha.png")
        assert np.abs(pixels(path) - expected).max() <= 1


def test_image_reader_reads_a_palette_with_a_transparent_color(tmp_path):
    image = Image.fromarray(BITS.astype(np.uint8)).convert("P")
    image.putpalette([200, 10, 30, 0, 0, 255])
    assert (pixels(save(image, tmp_path / "p.png"))[0, 0] == [200, 10, 30]).all()
    loaded = pixels(save(image, tmp_path / "transparent.png", transparency=0))
    assert (loaded[0, 0] == 255).all() and (loaded[-1, -1] == [0, 0, 255]).all()


def test_image_reader_converts_cmyk(tmp_path):
    red = save(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), tmp_path / "red.tif")
    assert (pixels(red) == [255, 0, 0]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_image_reader_turns_images_upright(tmp_path, orientation):
    """The eight orientations, from the EXIF standard: how the stored rows and columns are shown."""
    shown = [RAMP, RAMP[:, ::-1], RAMP[::-1, ::-1], RAMP[::-1], RAMP.T, np.rot90(RAMP, -1), RAMP[::-1, ::-1].T,
             np.rot90(RAMP)]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for values, name in ((RAMP, "8.png"), (RAMP.astype(np.uint16) * 257, "16.png")):
        path = save(values, tmp_path / name, exif=exif)
        assert (pixels(path) == shown[orientation - 1][..., None]).all()


def deep_gray(values: np.ndarray, mode: str) -> Image.Image:
    if mode == "I;16B":
        return Image.frombytes("I;16B", values.shape[::-1], values.astype(">u2").tobytes())
    return Image.fromarray(values.astype(np.int32 if mode == "I" else np.uint16))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_image_reader_scales_16_bit_gray_and_does_not_clip(tmp_path, mode):
    values = np.linspace(0, 65535, 256).round().reshape(16, 16)
    path = save(deep_gray(values, mode), tmp_path / "deep.tif")
    with Image.open(path) as file:
        assert file.mode == mode
    assert (pixels(path)[..., 0] == np.rint(values / 65535 * 255)).all()
    scan = np.rint(np.clip(values / 4095, 0, 1) * 255)
    assert (pixels(path, gray_range=(0, 4095))[..., 0] == scan).all()


def test_image_reader_stretches_an_image_only_when_asked(tmp_path):
    values = np.linspace(1000, 2000, 256).round().reshape(16, 16)
    path = save(deep_gray(values, "I;16"), tmp_path / "dark.tif")
    assert pixels(path).max() == round(2000 / 65535 * 255)
    stretched = pixels(path, gray_stretch=True)
    assert stretched.min() == 0 and stretched.max() == 255


def test_image_reader_names_a_damaged_file(tmp_path):
    damage(save(noise(32, 32), tmp_path / "half.png"))
    (tmp_path / "text.jpg").write_text("not an image")
    for name in ("half.png", "text.jpg"):
        with pytest.raises(UserError, match=name):
            read_image(tmp_path / name)
