"""Pictures of every mode load as a person sees them."""

import numpy as np
import pytest
from PIL import Image

from data.image_reader import read_image
from util.errors import UserError

RAMP = np.linspace(0, 255, 16 * 16).reshape(16, 16).astype(np.uint8)
COLORS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)


def pixels(path, **keywords) -> np.ndarray:
    image = read_image(path, **keywords)
    assert image.mode == "RGB"
    return np.asarray(image)


def test_gray_and_rgb_are_untouched(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "gray.png")
    Image.fromarray(COLORS).save(tmp_path / "rgb.png")
    assert (pixels(tmp_path / "gray.png") == RAMP[..., None]).all()
    assert (pixels(tmp_path / "rgb.png") == COLORS).all()


def test_one_bit_is_black_and_white(tmp_path):
    Image.fromarray(RAMP > 127).save(tmp_path / "bits.png")
    assert (pixels(tmp_path / "bits.png") == np.where(RAMP > 127, 255, 0)[..., None]).all()


def test_transparency_lies_over_white(tmp_path):
    alpha = RAMP.T
    expected = COLORS * (alpha[..., None] / 255) + 255 - alpha[..., None]
    Image.fromarray(np.dstack([COLORS, alpha])).save(tmp_path / "rgba.png")
    assert np.abs(pixels(tmp_path / "rgba.png") - expected).max() <= 1
    Image.fromarray(np.dstack([RAMP, alpha])).save(tmp_path / "la.png")
    expected = (RAMP * (alpha / 255) + 255 - alpha)[..., None]
    assert np.abs(pixels(tmp_path / "la.png") - expected).max() <= 1


def test_a_palette_with_a_transparent_color(tmp_path):
    image = Image.fromarray((RAMP > 127).astype(np.uint8)).convert("P")
    image.putpalette([200, 10, 30, 0, 0, 255])
    image.save(tmp_path / "p.png")
    assert (pixels(tmp_path / "p.png")[0, 0] == [200, 10, 30]).all()
    image.save(tmp_path / "transparent.png", transparency=0)
    loaded = pixels(tmp_path / "transparent.png")
    assert (loaded[0, 0] == 255).all() and (loaded[-1, -1] == [0, 0, 255]).all()


def test_cmyk(tmp_path):
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "red.tif")
    assert (pixels(tmp_path / "red.tif") == [255, 0, 0]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    """The eight orientations, from the EXIF standard: how the stored rows and columns are shown."""
    shown = {
        1: RAMP, 2: RAMP[:, ::-1], 3: RAMP[::-1, ::-1], 4: RAMP[::-1], 5: RAMP.T, 6: np.rot90(RAMP, -1),
        7: RAMP[::-1, ::-1].T, 8: np.rot90(RAMP),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for values, name in ((RAMP, "8.png"), (RAMP.astype(np.uint16) * 257, "16.png")):
        Image.fromarray(values).save(tmp_path / name, exif=exif)
        assert (pixels(tmp_path / name) == shown[orientation][..., None]).all()


def save_deep(path, values: np.ndarray, kind: str) -> None:
    if kind == "I;16B":
        Image.frombytes("I;16B", values.shape[::-1], values.astype(">u2").tobytes()).save(path)
    else:
        Image.fromarray(values.astype(np.int32 if kind == "I" else np.uint16)).save(path)


@pytest.mark.parametrize("kind", ["I;16", "I;16B", "I"])
def test_16_bit_gray_is_scaled_not_clipped(tmp_path, kind):
    values = np.linspace(0, 65535, 256).round().reshape(16, 16)
    path = tmp_path / "deep.tif"
    save_deep(path, values, kind)
    with Image.open(path) as file:
        assert file.mode == kind
    assert (pixels(path)[..., 0] == np.rint(values / 65535 * 255)).all()
    scan = np.rint(np.clip(values / 4095, 0, 1) * 255)
    assert (pixels(path, gray_range=(0, 4095))[..., 0] == scan).all()


def test_a_picture_is_stretched_only_when_asked(tmp_path):
    values = np.linspace(1000, 2000, 256).round().reshape(16, 16)
    save_deep(tmp_path / "dark.tif", values, "I;16")
    assert pixels(tmp_path / "dark.tif").max() == round(2000 / 65535 * 255)
    stretched = pixels(tmp_path / "dark.tif", gray_stretch=True)
    assert stretched.min() == 0 and stretched.max() == 255


def test_a_damaged_file_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "half.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "half.png").read_bytes()[:1000])
    (tmp_path / "text.jpg").write_text("not a picture")
    for name in ("half.png", "text.jpg"):
        with pytest.raises(UserError, match=name):
            read_image(tmp_path / name)
