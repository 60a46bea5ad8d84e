"""What the listing of a folder holds, and the messages for a folder that is not as expected."""

import os

import pytest
from PIL import Image

from data.image_folder import make_dataset
from util.errors import UserError


def put(path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path, "PNG")
    return str(path)


def test_image_folder_lists_recursively_sorted_and_ignores_case(tmp_path):
    expected = [put(tmp_path / name) for name in ("Z.PNG", "a.jpg", "b/c/d.TiF", "e.webp")]
    put(tmp_path / ".hidden.png")
    put(tmp_path / ".thumbs/a.png")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    expected.append(str(tmp_path / "linked/c/d.TiF"))
    assert make_dataset(tmp_path) == sorted(expected)
    assert make_dataset(tmp_path, 2) == sorted(expected)[:2]


def test_image_folder_skips_links_in_a_circle_and_what_is_no_file(tmp_path):
    expected = [put(tmp_path / "set/x/0.png"), put(tmp_path / "set/y/1.png")]
    put(tmp_path / "other/2.png")
    for link, target in (("a", "."), ("b", "."), ("x/up", ".."), ("x/out", "../.."), ("x/y", "../y"), ("y/x", "../x")):
        (tmp_path / "set" / link).symlink_to(target)
    os.mkfifo(tmp_path / "set/3.jpg")
    (tmp_path / "set/gone.png").symlink_to("nowhere.png")
    found = make_dataset(tmp_path / "set")
    linked = [str(tmp_path / "set/x/y/1.png"), str(tmp_path / "set/y/x/0.png")]
    assert found == sorted([*expected, *linked, str(tmp_path / "set/gone.png")])


def test_image_folder_says_what_is_there_instead(tmp_path):
    put(tmp_path / "images/a.png")
    with pytest.raises(UserError, match=r"no folder .*trainA.*holds images/.*trainA and trainB"):
        make_dataset(tmp_path / "trainA")
    with pytest.raises(UserError, match="does not exist either"):
        make_dataset(tmp_path / "nowhere/trainA")


def test_image_folder_points_out_a_data_root_one_level_off(tmp_path):
    put(tmp_path / "set/trainA/a.png")
    with pytest.raises(UserError, match=f"did you mean --dataroot {tmp_path / 'set'}"):
        make_dataset(tmp_path / "trainA")
    with pytest.raises(UserError, match=f"one level too deep; did you mean --dataroot {tmp_path / 'set'}"):
        make_dataset(tmp_path / "set/trainA/trainA")


def test_image_folder_refuses_an_empty_folder_and_one_without_images(tmp_path):
    with pytest.raises(UserError, match="it is empty"):
        make_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(UserError, match=r"holds notes.txt; expected files ending in .*\.png"):
        make_dataset(tmp_path)
