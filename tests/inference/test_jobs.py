"""Which files are colored, and where the results go."""

import itertools
from pathlib import Path

import pytest

from inference.jobs import Job, plan, shard
from util.errors import UsageError, UserError

FILES = ["a.jpg", "b.tif", "x.png", "a_style.png", "film.MP4", "in/x.png", "in/deep/y.JPG", "in/z.gif",
         "in/.hidden/v.png", "in/notes.txt", "empty/"]  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.touch()
    return tmp_path


def targets(*inputs, output=None, format=None) -> dict[str, str]:
    return {str(job.source): str(job.target) for job in plan(inputs, output, "style", format)}


@pytest.mark.parametrize(
    ("inputs", "output", "format", "expected"),
    [
        (["a.jpg"], None, None, {"a.jpg": "a_style.png"}),
        (["in/x.png"], None, "webp", {"in/x.png": "in/x_style.webp"}),
        (["a.jpg"], "out", None, {"a.jpg": "out/a.jpg"}),
        (["a.jpg"], "out.tiff", None, {"a.jpg": "out.tiff"}),
        (["a.jpg"], "empty", "tif", {"a.jpg": "empty/a.tif"}),
        (["*.jpg", "b.tif"], "out", None, {"a.jpg": "out/a.jpg", "b.tif": "out/b.tif"}),
        (["in"], "out", None, {"in/deep/y.JPG": "out/deep/y.JPG", "in/x.png": "out/x.png", "in/z.gif": "out/z.png"}),
        (["in/**/*.JPG"], "out", "jpg", {"in/deep/y.JPG": "out/y.jpg"}),
        (["-"], None, None, {"None": "None"}),
        (["-"], "o.jpg", None, {"None": "o.jpg"}),
        (["a.jpg"], "-", None, {"a.jpg": "None"}),
    ],
)
def test_results_go_where_they_should(here, inputs, output, format, expected):
    assert targets(*inputs, output=output, format=format) == expected


def test_format_follows_the_suffix_or_the_flag(here):
    assert [job.format for job in plan(["in"], "out", "s")] == ["jpeg", "png", "png"]
    assert plan(["a.jpg"], "out.tiff", "s", "tif")[0].format == "tiff"
    assert plan(["film.MP4"], None, "s", "tif") == [Job(Path("film.MP4"), Path("film_s.MP4"), ".mp4")]
    assert plan(["-"], None, "s", "jpg")[0].format == "jpeg"


@pytest.mark.parametrize(
    ("inputs", "output", "error", "says"),
    [
        (["none.jpg"], None, UserError, "no file none.jpg"),
        (["empty"], "out", UserError, "no image in empty"),
        (["a.jpg"], ".", UsageError, "a.jpg, an input, would be replaced by a result"),
        (["in"], "in", UsageError, "in/deep/y.JPG, an input, would be replaced"),
        (["a.jpg", "a_style.png"], None, UsageError, "a_style.png, an input, would be replaced"),
        (["in/x.png", "x.png"], "out", UsageError, "in/x.png and x.png would both become out/x.png"),
        (["a.jpg", "b.tif"], "-", UsageError, "standard output takes one image"),
        (["film.MP4"], "-", UsageError, "standard output takes one image"),
        (["a.jpg", "b.tif"], "out.png", UsageError, "-o out.png names one file; give a folder for several"),
        (["a.jpg", "b.tif"], "a.jpg", UsageError, "-o a.jpg names one file"),
        (["a.jpg"], "o.gif", UsageError, r"-o o\.gif: expected a file ending in \.jpeg"),
        (["film.MP4"], "out.jpg", UsageError, r"-o out\.jpg: expected a file ending in \.avi"),
    ],
)
def test_what_cannot_be_is_refused(here, inputs, output, error, says):
    with pytest.raises(error, match=says):
        plan(inputs, output, "style")


@pytest.mark.parametrize("count", [1, 3, 7, 12])
def test_shards_are_a_partition(count):
    jobs = list(range(10))
    parts = [shard(jobs, f"{index}/{count}") for index in range(1, count + 1)]
    assert sorted(itertools.chain(*parts)) == jobs and max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/2/3"])
def test_wrong_shards_are_refused(text):
    with pytest.raises(UsageError, match="--shard"):
        shard([], text)


def test_format_that_contradicts_the_suffix_is_refused(here):
    with pytest.raises(UsageError, match=r"-o out\.png with --format tif: expected a file ending in"):
        plan(["a.jpg"], "out.png", "style", "tif")


def test_an_input_named_twice_is_one(here):
    assert len(plan(["a.jpg", "./a.jpg", "*.jpg"], "out", "style")) == 1
    assert len(plan(["in", "in/x.png"], "out", "style")) == 3


def test_results_of_an_earlier_start_are_no_inputs(here):
    before = targets("in")
    for target in before.values():
        Path(target).touch()
    assert targets("in") == before
    inside = targets("in", output="in/colored")
    assert {Path(target).parts[1] for target in inside.values()} == {"colored"} and len(inside) == 6
    for target in inside.values():
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    assert targets("in", output="in/colored") == inside


def test_a_link_to_the_input_is_no_other_file(here):
    Path("out").symlink_to(".")
    with pytest.raises(UsageError, match="would be replaced"):
        plan(["a.jpg"], "out", "style")
