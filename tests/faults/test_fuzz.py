"""States, checkpoints and images with random damage: never a traceback, a hang, or a silent wrong result.

`FUZZ_EXAMPLES=2000 python -m pytest tests/faults/test_fuzz.py` tries more of them than the suite does.
"""

import copy
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from data.image_reader import read_image, stored_size
from inference.image_file import open_frames, vips_errors
from models.networks.load import load_network
from tests.helpers.images import noise
from util.checkpoint import load
from util.errors import UserError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 100))
MANY = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES == 100,
                suppress_health_check=list(HealthCheck))  # fmt: skip
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")

# A change of bytes: where, how many, and what takes their place.
damage = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=40)), min_size=1, max_size=5)
values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=5), st.just([]),
    st.just({}), st.lists(st.integers(-5, 5), max_size=3), st.just(torch.zeros(2)), st.just(torch.tensor(float("nan"))),
    st.just(torch.ones(3, dtype=torch.int64)), st.just(torch.ones(2, dtype=torch.complex64)))  # fmt: skip


def damaged(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, new in changes:
        first = int(place * len(content))
        content = content[:first] + new + content[first + length :]
    return content


def places_of(value: object, path: tuple = ()) -> list[tuple]:
    """Return the path of each entry of nested dictionaries and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(*path, key), *places_of(inner, (*path, key))]]


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@MANY
@given(seed=st.integers(0, 2**32), value=values, removes=st.booleans())
def test_a_changed_state_is_restored_or_named(saver, state, seed, value, removes):
    """What passes the check can be restored, and the model then has finite weights."""
    changed = copy.deepcopy(state)
    path = random.Random(seed).choice(places_of(changed))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if removes:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    try:
        saver._check_state(changed, "state")
    except UserError as error:
        assert "state" in str(error) and "\n" not in str(error)
    else:
        saver.model.load_state(copy.deepcopy(changed["model"]))
        saver.model.check_weights()


@MANY
@given(changes=damage)
def test_damaged_bytes_of_a_checkpoint_are_noticed_or_change_nothing(trained, tmp_path_factory, saver, changes):
    original = trained / "ck/run/latest_net_G.pth"
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    path.write_bytes(damaged(original.read_bytes(), changes))
    net = copy.deepcopy(saver.model.netG)
    try:
        load_network(net, load(path), str(path), "G", vars(saver.opt))
    except UserError as error:
        assert str(path) in str(error)
    else:
        expected = load(original)
        assert all(torch.equal(value, expected[key]) for key, value in net.state_dict().items())


def pixels_of_vips(path: Path) -> None:
    """Read all pixels as colorize.py does."""
    with vips_errors(path):
        for frame in open_frames(path):
            frame.color.numpy()


@MANY
@given(format=st.sampled_from(FORMATS), changes=damage, cut=st.floats(0, 1))
def test_damaged_images_are_read_or_named(tmp_path_factory, format, changes, cut):
    """By what training reads with, and by what colorize.py reads with."""
    path: Path = tmp_path_factory.getbasetemp() / "damaged.jpg"
    Image.fromarray(noise(24, 30)).save(path, format)
    content = damaged(path.read_bytes(), changes)
    path.write_bytes(content if cut > 0.5 else content[: int(2 * cut * len(content))])
    for read in (read_image, stored_size, pixels_of_vips):
        try:
            read(path)
        except UserError as error:
            assert str(path) in str(error)


@MANY
@given(shape=st.tuples(st.integers(1, 12), st.integers(1, 12)), data=st.data())
def test_float_images_of_any_values_are_gray_or_named(tmp_path_factory, shape, data):
    path = tmp_path_factory.getbasetemp() / "values.tif"
    floats = st.floats(width=32) | st.floats(0, 1, width=32)
    pixels = np.array([data.draw(floats) for _ in range(shape[0] * shape[1])], np.float32).reshape(shape)
    Image.fromarray(pixels).save(path)
    try:
        gray = np.asarray(read_image(path))
    except UserError:
        assert not np.isfinite(pixels).all() or ((pixels < 0) | (pixels > 1)).mean() > 0.01
    else:
        assert np.array_equal(gray[..., 0], np.rint(np.clip(pixels.astype(np.float64), 0, 1) * 255))
