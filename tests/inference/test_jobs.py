"""Which files are colored, and where the results go."""

import itertools
from pathlib import Path

import pytest

from inference.jobs import plan, shard
from util.errors import UsageError, UserError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.jpg",
        "b.tif",
        "in/x.png",
        "in/deep/y.JPG",
        "in/z.gif",
        "in/.hidden/v.png",
        "in/notes.txt",
        "empty/",
    ):
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
    assert plan(["a.jpg"], "out.png", "s", "tif")[0].format == "tiff"
    assert plan(["-"], None, "s", "jpg")[0].format == "jpeg"


@pytest.mark.parametrize(
    ("inputs", "output", "error", "says"),
    [
        (["none.jpg"], None, UserError, "no file none.jpg"),
        (["empty"], "out", UserError, "no image in empty"),
        (["a.jpg"], ".", UsageError, "a.jpg would be replaced by its result"),
        (["in/x.png", "in"], "out", UsageError, "in/x.png and in/x.png would both become out/x.png"),
        (["a.jpg", "b.tif"], "-", UsageError, "standard output takes one image"),
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


def test_a_link_to_the_input_is_no_other_file(here):
    Path("out").symlink_to(".")
    with pytest.raises(UsageError, match="would be replaced"):
        plan(["a.jpg"], "out", "style")
