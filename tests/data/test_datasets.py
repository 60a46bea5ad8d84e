"""What the datasets make of folders of pictures, on made-up pictures and on real ones."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import create_dataset
from data.base_dataset import get_transform
from options.test_options import TestOptions
from options.train_options import TrainOptions
from util.errors import UserError

COMMON = "--model colorcut --gpu_ids -1 --num_threads 0 --seed 5"


def train_set(root: Path, flags: str = ""):
    return create_dataset(TrainOptions(f"--dataroot {root} {COMMON} {flags}").parse())


def test_set(root: Path, flags: str = ""):
    no_runs = f"--checkpoints_dir {root}"
    return create_dataset(TestOptions(f"--dataroot {root} {no_runs} --model colorcut --gpu_ids -1 {flags}").parse())


test_set.__test__ = False


def is_gray(images: torch.Tensor) -> bool:
    return bool((images[:, 0] == images[:, 1]).all() and (images[:, 1] == images[:, 2]).all())


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image).astype(np.float32)).permute(2, 0, 1) / 127.5 - 1


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_the_source_is_grey_whatever_the_direction(pictures, direction):
    source, style = direction.split("to")
    batch = next(iter(train_set(pictures, f"--direction {direction} --crop_size 32")))
    assert is_gray(batch[source]) and not is_gray(batch[style])
    tested = next(iter(test_set(pictures, f"--direction {direction}")))
    assert is_gray(tested[source]) and style not in tested


def test_grey_is_the_luma_of_pillow(pictures):
    batch = next(iter(test_set(pictures)))
    with Image.open(batch["A_paths"][0]) as file:
        luma = as_tensor(file.convert("L").convert("RGB"))
    assert batch["A"].shape == (1, 3, 40, 48)
    assert (batch["A"][0] - luma).abs().max() <= 1.01 / 127.5


def test_pictures_of_256_are_only_flipped(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    for folder in ("trainA", "trainB"):
        (tmp_path / folder).mkdir()
        for number, values in enumerate(pixels):
            Image.fromarray(values).save(tmp_path / folder / f"{number}.png")
    dataset, flips = train_set(tmp_path), []
    for epoch in range(1, 9):
        dataset.set_epoch(epoch)
        for batch in dataset:
            original = as_tensor(Image.fromarray(pixels[int(Path(batch["B_paths"][0]).stem)]))
            flips.append(torch.allclose(batch["B"][0], original.flip(2), atol=1e-6))
            assert flips[-1] or torch.allclose(batch["B"][0], original, atol=1e-6)
    assert 0 < sum(flips) < len(flips)


def test_others_keep_their_aspect_and_are_cropped_at_random(tmp_path):
    x = np.broadcast_to(np.linspace(0, 255, 600, dtype=np.uint8)[:, None, None].transpose(1, 0, 2), (300, 600, 3))
    for folder in ("trainA", "trainB"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.ascontiguousarray(x)).save(tmp_path / folder / "wide.png")
    dataset, lefts = train_set(tmp_path, "--crop_size 64 --no_flip"), set()
    for epoch in range(1, 7):
        dataset.set_epoch(epoch)
        batch = next(iter(dataset))["B"][0]
        assert batch.shape == (3, 64, 64)
        # Scaled to 128 x 64, a crop of 64 spans half of the ramp.
        assert (batch[..., -1] - batch[..., 0]).mean() == pytest.approx(1.0, abs=0.05)
        lefts.add(round(batch[..., 0].mean().item(), 2))
    assert len(lefts) > 3


def test_an_epoch_covers_every_picture_and_repeats_with_its_seed(pictures):
    def epoch(number: int, start: int = 0, flags: str = "") -> list[tuple[str, str]]:
        dataset = train_set(pictures, f"--crop_size 32 {flags}")
        dataset.set_epoch(number, start)
        return [(b["A_paths"][0], b["B_paths"][0], b["B"].sum().item()) for b in dataset]

    first = epoch(1)
    assert sorted({Path(a).stem for a, _, _ in first}) == ["0", "1", "2", "3"]
    assert first == epoch(1, flags="--num_threads 2") and first != epoch(2)
    assert first[2:] == epoch(1, start=2)


def test_a_test_takes_each_source_picture_once_and_needs_no_style(pictures):
    for picture in (pictures / "testB").iterdir():
        picture.unlink()
    (pictures / "testB").rmdir()
    names = [Path(batch["A_paths"][0]).name for batch in test_set(pictures)]
    assert names == ["0.png", "1.png", "2.png", "3.png"]


def test_val_stands_in_for_a_missing_test_folder(pictures):
    (pictures / "testA").rename(pictures / "valA")
    assert len(test_set(pictures)) == 4


def test_a_batch_larger_than_the_set_is_refused(pictures):
    with pytest.raises(UserError, match="--batch_size 5"):
        train_set(pictures, "--batch_size 5")


def test_single_reads_the_data_root_itself(pictures):
    dataset = test_set(pictures / "trainA", "--dataset_mode single --direction BtoA --preprocess none")
    assert len(dataset) == 4 and next(iter(dataset))["B"].shape == (1, 3, 40, 48)


@pytest.mark.parametrize(
    ("preprocess", "size"),
    [
        ("resize_and_crop", (32, 32)), ("resize", (64, 64)), ("crop", (32, 32)), ("scale_width", (64, 56)),
        ("scale_width_and_crop", (32, 32)), ("scale_shortside", (72, 64)), ("rescale_shortside_and_crop", (32, 32)),
        ("trim", (32, 32)), ("none", (48, 40)),
    ],
)  # fmt: skip
def test_each_treatment_gives_its_size(preprocess, size):
    opt = TrainOptions(f"--dataroot x --gpu_ids -1 --load_size 64 --crop_size 32 --preprocess {preprocess}").parse()
    image = Image.fromarray(np.zeros((41, 47, 3), np.uint8))  # sizes that are no multiple of 4 become one
    if "scale_width" in preprocess or preprocess in {"scale_shortside", "none"}:
        image = Image.fromarray(np.zeros((40, 46, 3), np.uint8))
    out = get_transform(opt)(image)
    expected = {"scale_width": (64, 56), "scale_shortside": (72, 64), "none": (48, 40)}.get(preprocess, size)
    assert tuple(out.shape) == (3, expected[1], expected[0])


@pytest.mark.skipif("COLORCUT_TEST_DATA" not in os.environ, reason="COLORCUT_TEST_DATA names no folder of pictures")
def test_real_pictures_load():
    root = Path(os.environ["COLORCUT_TEST_DATA"]) / "vangogh2photo-mini"
    dataset = train_set(root, "--direction BtoA --crop_size 64")
    assert len(dataset) == 230 and dataset.dataset.describe() == "trainA 150, trainB 230"
    batch = next(iter(dataset))
    assert batch["A"].shape == batch["B"].shape == (1, 3, 64, 64) and is_gray(batch["B"]) and not is_gray(batch["A"])
    photos = Path(os.environ["COLORCUT_TEST_DATA"]) / "photos-native-size"
    shapes = {tuple(b["A"].shape[2:]) for b in test_set(photos, "--dataset_mode single --preprocess none")}
    assert shapes == {(321, 481), (481, 321)}


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_colorization_makes_its_own_pairs(pictures, direction):
    source, style = direction.split("to")
    flags = f"--model pix2pix --dataset_mode colorization --direction {direction} --crop_size 32"
    batch = next(iter(train_set(pictures, flags)))
    assert batch[source].shape == batch[style].shape == (1, 3, 32, 32) and is_gray(batch[source])
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)  # crop and flip are the same
    assert torch.allclose(batch[source][:, 0], (batch[style] * weights).sum(1), atol=1e-6)
    assert Path(batch["A_paths"][0]).parent.name == f"train{style}"
    (pictures / "train").mkdir()
    (pictures / f"train{source}/0.png").rename(pictures / "train/0.png")
    batch = next(iter(train_set(pictures, flags)))
    assert Path(batch["A_paths"][0]) == pictures / "train/0.png"


def test_aligned_halves_are_treated_alike(tmp_path):
    (tmp_path / "train").mkdir()
    left = np.random.default_rng(2).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    for number in range(6):
        Image.fromarray(np.concatenate([left, 255 - left], 1)).save(tmp_path / f"train/{number}.png")
    seen = []
    for batch in train_set(tmp_path, "--model pix2pix --preprocess crop --crop_size 24"):
        assert batch["A"].shape == (1, 3, 24, 24) and torch.allclose(batch["A"], -batch["B"], atol=1e-6)
        seen.append(batch["A"])
    assert not all(torch.equal(seen[0], other) for other in seen)  # each at its own place


def test_a_plain_folder_is_greyed_on_demand(pictures):
    for flags, gray in (("", False), ("--gray", True), ("--gray false", False)):
        opt = TestOptions(f"--dataroot {pictures}/testA --checkpoints_dir {pictures} --gpu_ids -1 --model cut "
                          f"--dataset_mode single {flags}").parse()  # fmt: skip
        assert is_gray(next(iter(create_dataset(opt)))["A"]) == gray
