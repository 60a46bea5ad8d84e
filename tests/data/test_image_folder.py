"""What a folder's listing holds, and what is said of a folder that is not as expected."""

import pytest
from PIL import Image

from data.image_folder import make_dataset
from util.errors import UserError


def put(path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path, "PNG")
    return str(path)


def test_listing_is_recursive_sorted_and_blind_to_case(tmp_path):
    expected = [put(tmp_path / name) for name in ("Z.PNG", "a.jpg", "b/c/d.TiF", "e.webp")]
    put(tmp_path / ".hidden.png")
    put(tmp_path / ".thumbs/a.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    expected.append(str(tmp_path / "linked/c/d.TiF"))
    assert make_dataset(tmp_path) == sorted(expected)
    assert make_dataset(tmp_path, 2) == sorted(expected)[:2]


def test_a_missing_folder_says_what_is_there(tmp_path):
    put(tmp_path / "pictures/a.png")
    with pytest.raises(UserError, match=r"no folder .*trainA.*holds pictures/.*trainA and trainB"):
        make_dataset(tmp_path / "trainA")
    with pytest.raises(UserError, match="does not exist either"):
        make_dataset(tmp_path / "nowhere/trainA")


def test_a_data_root_one_level_off_is_pointed_out(tmp_path):
    put(tmp_path / "set/trainA/a.png")
    with pytest.raises(UserError, match=f"did you mean --dataroot {tmp_path / 'set'}"):
        make_dataset(tmp_path / "trainA")
    with pytest.raises(UserError, match=f"one level too deep; did you mean --dataroot {tmp_path / 'set'}"):
        make_dataset(tmp_path / "set/trainA/trainA")


def test_an_empty_folder_and_one_without_pictures(tmp_path):
    with pytest.raises(UserError, match="it is empty"):
        make_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(UserError, match=r"holds notes.txt; expected files ending in .*\.png"):
        make_dataset(tmp_path)
