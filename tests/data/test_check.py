"""python -m data.check: each kind of problem is found, and nothing else."""

import json

import numpy as np
import pytest
from PIL import Image, ImageCms

from data import check
from data.check import color_space
from data.image_reader import opened
from tests.helpers.images import make_dataroot, noise, save
from tests.helpers.launch import call, refusal


def main() -> int:
    return check.main()


@pytest.fixture
def root(tmp_path):
    """A data root without a fault: colored images in each folder, all of them different."""
    for first, folder in enumerate(("trainA", "trainB", "testA", "testB")):
        make_dataroot(tmp_path / "set", folder, images=[noise(80, 90, 10 * first + k) for k in range(3)])
    return tmp_path / "set"


def problems(root, code: int, flags: str = "") -> dict[str, dict[str, str]]:
    """Return what is found, by the name of the file."""
    call(main, f"{root} --json {root.parent / 'found.json'} {flags}", code)
    found = json.loads((root.parent / "found.json").read_text())
    every = [one for ones in found.values() for one in ones]
    return {one["path"].removeprefix(f"{root}/"): one["problems"] for one in every if one["problems"]}


def test_a_good_data_root_has_nothing_to_mend(root):
    assert problems(root, 0) == {}
    printed = call(main, str(root)).stdout
    assert "nothing to mend" in printed and "trainA  3       0     80 to 80, median 80  RGB 3" in printed


def test_each_problem_is_named(root):
    (root / "trainA/empty.png").write_bytes(b"")
    (root / "trainA/text.jpg").write_text("no image")
    whole = save(noise(80, 80, 99), root / "trainA/cut.png").read_bytes()
    (root / "trainA/cut.png").write_bytes(whole[: len(whole) // 2])
    save(noise(20, 300, 98), root / "trainA/tiny.png")
    save(noise(1100, 1000, 97), root / "trainA/huge.png")
    save(np.full((80, 80, 3), (9, 90, 200), np.uint8), root / "trainA/flat.png")
    save(np.full((80, 80, 3), (9, 91, 200), np.uint8), root / "trainA/flat too.png")
    save(noise(80, 80, 96)[..., 0], root / "trainB/gray.png")
    save(Image.new("CMYK", (80, 80)).resize((80, 80)), root / "trainB/print.jpg")
    (root / "trainB/photo.heic").write_bytes(b"x")
    found = problems(root, 1, "--slow_megapixels 1")
    kinds = {name: set(kinds) for name, kinds in found.items()}
    assert kinds == {
        "trainA/empty.png": {"empty"}, "trainA/text.jpg": {"broken"}, "trainA/cut.png": {"broken"},
        "trainA/tiny.png": {"tiny"}, "trainA/huge.png": {"huge"}, "trainA/flat.png": {"one tone"},
        "trainA/flat too.png": {"one tone"}, "trainB/gray.png": {"gray among colored"},
        "trainB/print.jpg": {"not sRGB", "one tone", "gray among colored"}, "trainB/photo.heic": {"not read"},
    }  # fmt: skip
    assert found["trainA/tiny.png"]["tiny"] == "300x20"


def test_a_folder_of_gray_images_is_meant_to_be_gray(root):
    for number in range(4):
        save(noise(80, 90, 50 + number)[..., 0], root / f"testA/gray{number}.png")
    assert problems(root, 0) == {}


def photo(seed: int) -> np.ndarray:
    """Return a smooth image, whose copies of other sizes look the same."""
    small = Image.fromarray(noise(7, 8, seed))
    return np.asarray(small.resize((160, 140), Image.Resampling.BICUBIC))


def test_duplicates_are_found_also_as_copies_of_other_sizes(root):
    original = photo(1)
    save(original, root / "trainB/one.png")
    save(original, root / "trainB/same pixels.bmp")
    save(Image.fromarray(original).resize((80, 70), Image.Resampling.LANCZOS), root / "trainB/smaller.png")
    save(original, root / "trainB/quality.jpg", quality=90)
    assert problems(root, 0) == {
        "trainB/same pixels.bmp": {"duplicate": f"{root}/trainB/one.png"},
        "trainB/smaller.png": {"looks the same": f"{root}/trainB/one.png"},
        "trainB/quality.jpg": {"looks the same": f"{root}/trainB/one.png"},
    }


def test_an_image_in_training_and_test_is_an_error(root):
    save(photo(2), root / "trainB/one.png")
    save(Image.fromarray(photo(2)).resize((80, 70)), root / "testB/other.png")
    assert problems(root, 1) == {
        "trainB/one.png": {"in training and test": f"{root}/testB/other.png"},
        "testB/other.png": {"in training and test": f"{root}/trainB/one.png"},
    }


def test_a_folder_without_any_good_image_is_checked(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.png").write_bytes(b"no image")
    assert problems(tmp_path / "set", 1)["a.png"].keys() == {"broken"}
    assert "--max_megapixels nan" in refusal(main, f"{tmp_path / 'set'} --max_megapixels nan")


def test_any_folder_of_images_is_checked(root):
    assert "trainB  3" in call(main, str(root / "trainB")).stdout
    assert "no folder" in refusal(main, str(root / "none"))
    (root / "none").mkdir()
    assert "no image in" in refusal(main, str(root / "none"), code=1)


def test_profiles_that_are_srgb_are_not_named(tmp_path):
    profiles = {"srgb": ImageCms.createProfile("sRGB"), "lab": ImageCms.createProfile("LAB")}
    for name, profile in profiles.items():
        data = ImageCms.ImageCmsProfile(profile).tobytes()
        save(noise(9, 9), tmp_path / f"{name}.png", icc_profile=data)
        with opened(tmp_path / f"{name}.png", 100) as file:
            assert bool(color_space(file)) == (name == "lab")
