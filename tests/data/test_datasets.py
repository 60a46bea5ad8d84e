"""What each dataset mode makes of folders of images, synthetic and real."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.build import build_loader, build_test_loader
from tests.helpers.images import make_dataroot, noise, save
from util.errors import UserError

COLORCUT = "--model colorcut"
PIX2PIX = "--model pix2pix --dataset_mode colorization"


def is_gray(images: torch.Tensor) -> bool:
    return bool((images[:, 0] == images[:, 1]).all() and (images[:, 1] == images[:, 2]).all())


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1) / 127.5 - 1


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_grayscale_unaligned_makes_the_source_gray_in_either_direction(dataroot, direction):
    source, style = direction.split("to")
    flags = f"{COLORCUT} --direction {direction}"
    batch = next(iter(build_loader(dataroot, f"{flags} --crop_size 32")))
    assert is_gray(batch[source]) and not is_gray(batch[style])
    tested = next(iter(build_test_loader(dataroot, flags)))
    assert is_gray(tested[source]) and style not in tested


def test_grayscale_unaligned_takes_the_luma_of_pillow(dataroot):
    batch = next(iter(build_test_loader(dataroot, COLORCUT)))
    with Image.open(batch["A_paths"][0]) as file:
        luma = as_tensor(np.asarray(file.convert("L").convert("RGB")))
    assert batch["A"].shape == (1, 3, 40, 48)
    assert (batch["A"][0] - luma).abs().max() <= 1.01 / 127.5


def test_grayscale_unaligned_only_flips_images_of_256(tmp_path):
    images = [noise(256, 256, seed) for seed in (0, 1)]
    loader, flips = build_loader(make_dataroot(tmp_path, "trainA", "trainB", images=images), COLORCUT), []
    for epoch in range(1, 9):
        loader.set_epoch(epoch)
        for batch in loader:
            original = as_tensor(images[int(Path(batch["B_paths"][0]).stem)])
            flips.append(torch.allclose(batch["B"][0], original.flip(2), atol=1e-6))
            assert flips[-1] or torch.allclose(batch["B"][0], original, atol=1e-6)
    assert 0 < sum(flips) < len(flips)


def test_grayscale_unaligned_keeps_the_aspect_of_others_and_crops_at_random(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 600, dtype=np.uint8)[:, None], (300, 1, 3))
    make_dataroot(tmp_path, "trainA", "trainB", images=[ramp])
    loader, lefts = build_loader(tmp_path, f"{COLORCUT} --crop_size 64 --no_flip"), set()
    for epoch in range(1, 7):
        loader.set_epoch(epoch)
        batch = next(iter(loader))["B"][0]
        assert batch.shape == (3, 64, 64)
        # Scaled to 128 x 64, a crop of 64 spans half of the ramp.
        assert (batch[..., -1] - batch[..., 0]).mean() == pytest.approx(1.0, abs=0.05)
        lefts.add(round(batch[..., 0].mean().item(), 2))
    assert len(lefts) > 3


def test_grayscale_unaligned_needs_no_style_in_a_test(dataroot):
    shutil.rmtree(dataroot / "testB")
    names = [Path(batch["A_paths"][0]).name for batch in build_test_loader(dataroot, COLORCUT)]
    assert names == ["0.png", "1.png", "2.png", "3.png"]
    (dataroot / "testA").rename(dataroot / "valA")  # stands in for testA
    assert len(build_test_loader(dataroot, COLORCUT)) == 4


def test_single_reads_the_data_root_itself(dataroot):
    flags = f"{COLORCUT} --dataset_mode single --direction BtoA --preprocess none"
    loader = build_test_loader(dataroot / "trainA", flags)
    assert len(loader) == 4 and next(iter(loader))["B"].shape == (1, 3, 40, 48)


@pytest.mark.parametrize(("flags", "gray"), [("", False), ("--gray", True), ("--gray false", False)])
def test_single_is_gray_on_demand(dataroot, flags, gray):
    loader = build_test_loader(dataroot / "testA", f"--model cut --dataset_mode single {flags}")
    assert is_gray(next(iter(loader))["A"]) == gray


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_colorization_makes_its_own_pairs(dataroot, direction):
    source, style = direction.split("to")
    flags = f"{PIX2PIX} --direction {direction} --crop_size 32"
    batch = next(iter(build_loader(dataroot, flags)))
    assert batch[source].shape == batch[style].shape == (1, 3, 32, 32) and is_gray(batch[source])
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    # Both have the same crop and flip.
    assert torch.allclose(batch[source][:, 0], (batch[style] * luma).sum(1), atol=1e-6)
    assert Path(batch["A_paths"][0]).parent.name == f"train{style}"
    (dataroot / "train").mkdir()
    (dataroot / f"train{source}/0.png").rename(dataroot / "train/0.png")
    batch = next(iter(build_loader(dataroot, flags)))
    assert Path(batch["A_paths"][0]) == dataroot / "train/0.png"


def test_aligned_crops_both_halves_alike(tmp_path):
    left = noise(40, 48)
    make_dataroot(tmp_path, "train", images=[np.concatenate([left, 255 - left], 1)] * 6)
    seen = []
    for batch in build_loader(tmp_path, "--model pix2pix --preprocess crop --crop_size 24"):
        assert batch["A"].shape == (1, 3, 24, 24) and torch.allclose(batch["A"], -batch["B"], atol=1e-6)
        seen.append(batch["A"])
    assert not all(torch.equal(seen[0], other) for other in seen)  # the crops differ from image to image


def test_unaligned_refuses_a_batch_larger_than_the_set(dataroot):
    with pytest.raises(UserError, match="--batch_size 5"):
        build_loader(dataroot, "--batch_size 5")


@pytest.mark.skipif("COLORCUT_TEST_DATA" not in os.environ, reason="COLORCUT_TEST_DATA names no folder of images")
def test_datasets_load_real_images():
    root = Path(os.environ["COLORCUT_TEST_DATA"])
    loader = build_loader(root / "vangogh2photo-mini", f"{COLORCUT} --direction BtoA --crop_size 64")
    assert len(loader) == 230 and loader.dataset.describe() == "trainA 150, trainB 230"
    batch = next(iter(loader))
    assert batch["A"].shape == batch["B"].shape == (1, 3, 64, 64) and is_gray(batch["B"]) and not is_gray(batch["A"])
    photos = build_test_loader(root / "photos-native-size", f"{COLORCUT} --dataset_mode single --preprocess none")
    assert {tuple(batch["A"].shape[2:]) for batch in photos} == {(321, 481), (481, 321)}


# ---- one image ---------------------------------------------------------------------------------------------------

SINCUT = "--model sincut --crop_size 32 --batch_size 8 --random_scale_max 4 --max_dataset_size 800"


@pytest.fixture
def one_of_each(tmp_path) -> Path:
    """A data root with an image of 200x150 in trainA and trainB, whose red and green are the place of the pixel."""
    rows, columns = np.mgrid[:150, :200]
    place = np.stack([columns, rows, 0 * rows], 2).astype(np.uint8)
    return make_dataroot(tmp_path / "one", "trainA", "trainB", images=[place])


def test_singleimage_takes_crops_of_every_size_from_everywhere(one_of_each):
    """By their colors: a crop of zoom z covers 32 / z pixels, and its colors say which."""
    loader = build_loader(one_of_each, SINCUT)
    crops = torch.cat([batch[domain] for batch in loader for domain in "AB"])
    places = (crops[:, :2] + 1) * 127.5
    (left, right), (top, bottom) = (
        (places[:, 0, 16, 1], places[:, 0, 16, -2]),
        (places[:, 1, 1, 16], places[:, 1, -2, 16]),
    )
    flipped = left > right
    assert len(crops) == 1600 and 700 < flipped.sum() < 900 and (top < bottom).all()
    for low, high, side in ((torch.minimum(left, right), torch.maximum(left, right), 200), (top, bottom, 150)):
        zoom = 29 / (high - low)  # of the pixels between
        smallest = max(1 / 4, 32 / side)
        assert zoom.min() > 0.95 * smallest and zoom.max() < 1.06
        assert (zoom < smallest + 0.1).sum() > 50 and (zoom > 0.9).sum() > 50
        assert low.min() < 6 and high.max() > side - 7
    widths, heights = (right - left).abs(), bottom - top
    assert (widths > 1.5 * heights).any() and (heights > 1.5 * widths).any()


def test_singleimage_tests_the_whole_image(one_of_each):
    (batch,) = build_test_loader(one_of_each, "--model sincut")
    assert batch["A"].shape == (1, 3, 150, 200) and "B" not in batch
    make_dataroot(one_of_each, "testA", images=[noise(40, 48)])
    (batch,) = build_test_loader(one_of_each, "--model sincut")
    assert batch["A"].shape == (1, 3, 40, 48)


def test_singleimage_names_what_it_cannot_take(one_of_each, dataroot):
    with pytest.raises(UserError, match="trainA has 4 images; expected one"):
        build_loader(dataroot, SINCUT)
    with pytest.raises(UserError, match="--preprocess resize: --dataset_mode singleimage takes zoom_and_patch"):
        build_loader(one_of_each, f"{SINCUT} --preprocess resize")
    with pytest.raises(UserError, match="zoom and patch are for --dataset_mode singleimage"):
        build_loader(dataroot, "--model cut --preprocess zoom_and_patch")


# ---- one style image ---------------------------------------------------------------------------------------------


@pytest.fixture
def one_style(one_of_each) -> str:
    """Flags: a folder of content, and an image of 200x150 as style, whose red and green are the place of the pixel."""
    make_dataroot(one_of_each, "content", images=[noise(60, 70, seed) for seed in range(5)])
    return f"--model sincolorcut --crop_size 32 --load_size 40 --style {one_of_each / 'trainB/0.png'}"


def test_single_style_takes_square_windows_of_every_size_from_everywhere(one_of_each, one_style):
    loader = build_loader(one_of_each / "content", f"{one_style} --val_freq 0 --no_flip")
    assert len(loader) == 200
    batches = [batch for epoch in range(4) for batch in (loader.set_epoch(epoch) or loader)]
    assert all(is_gray(batch["A"]) and batch["A"].shape == (1, 3, 32, 32) for batch in batches)
    places = (torch.cat([batch["B"] for batch in batches])[:, :2] + 1) * 127.5
    left, right, top, bottom = places[:, 0, 16, 2], places[:, 0, 16, -3], places[:, 1, 2, 16], places[:, 1, -3, 16]
    widths, heights = (right - left) * 32 / 27, (bottom - top) * 32 / 27
    assert (widths - heights).abs().max() < 4
    assert 48 < widths.min() < 56 and 140 < widths.max() < 153
    assert widths.median() == pytest.approx(150 / 3**0.5, rel=0.1)  # of the logarithm
    assert left.min() < 12 and right.max() > 188 and top.min() < 12 and bottom.max() > 138


def test_single_style_holds_a_fifth_of_the_style_out(one_of_each, one_style):
    loader = build_loader(one_of_each / "content", f"{one_style} --val_freq 1")
    seen = max(float(batch["B"][:, 0].max()) for batch in loader)
    assert seen < 160 / 127.5 - 1
    style, rest = loader.dataset.held_out
    side = rest[0].width
    assert {tile.size for tile in (*style, *rest)} == {(side, side)} and len(style) >= 3 * len(rest) > 6
    assert all(np.asarray(tile)[..., 0].min() >= 158 for tile in rest)
    assert all(np.asarray(tile)[..., 0].max() <= 161 for tile in style)


def test_single_style_holds_no_more_pixels_than_crops_show(one_of_each, one_style):
    Image.fromarray(noise(900, 700)).save(one_of_each / "large.png")
    loader = build_loader(one_of_each / "content", f"{one_style} --style {one_of_each / 'large.png'} --val_freq 0")
    assert loader.dataset.style.size == (96, 123)


def test_single_style_tests_a_folder_or_one_image(one_of_each):
    make_dataroot(one_of_each, "content", images=[noise(60, 70, seed) for seed in range(5)])
    for place, count in ((one_of_each / "content", 5), (one_of_each / "content/3.png", 1)):
        loader = build_test_loader(place, "--model sincolorcut --load_size 60")
        batches = list(loader)
        assert len(batches) == count and all(is_gray(batch["A"]) and "B" not in batch for batch in batches)


def test_single_style_needs_a_style(one_of_each):
    with pytest.raises(UserError, match="--style is missing"):
        build_loader(one_of_each, "--model sincolorcut")
    with pytest.raises(UserError, match=r"--style nowhere\.jpg: no such file"):
        build_loader(one_of_each, "--model sincolorcut --style nowhere.jpg")


@pytest.mark.parametrize("side", [4, 5])
def test_single_style_refuses_a_style_image_of_which_no_row_can_be_held_out(one_of_each, tmp_path, side):
    save(noise(side, 9, 1), tmp_path / "style.png")
    flags = f"--model sincolorcut --style {tmp_path / 'style.png'} --crop_size 32"
    if side < 5:
        with pytest.raises(UserError, match=r"style\.png has 9x4 pixels, too few"):
            build_loader(one_of_each, flags)
    else:
        assert all(len(images) > 0 for images in build_loader(one_of_each, flags).dataset.held_out)
