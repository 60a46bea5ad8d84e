"""Pictures from memory are those from the disk, bit for bit and for all processes; what does not fit is not kept."""

import multiprocessing
import re
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import create_dataset
from data.image_cache import PictureCache
from options.train_options import TrainOptions
from util import memory
from util.errors import UserError

ROOT = Path(__file__).parents[2]
MODES = {
    "unaligned": "--model cut",
    "grayscale_unaligned": "--model colorcut",
    "aligned": "--model pix2pix",
    "colorization": "--model pix2pix --dataset_mode colorization",
    "single": "--model cut --dataset_mode single",
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A data root with pictures of several sizes and kinds in trainA, trainB and train."""
    draw = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for folder in ("trainA", "trainB", "train"):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for number in range(6):
            width, height = (int(side) for side in draw.integers(34, 90, 2))
            path = tmp_path / "set" / folder / f"{number}"
            if number == 0:
                deep = draw.integers(0, 65536, (height, width), dtype=np.uint16)
                Image.fromarray(deep).save(path.with_suffix(".tif"))
            else:
                colors = Image.fromarray(draw.integers(0, 256, (height, width, 3 + number % 2), dtype=np.uint8))
                colors.save(path.with_suffix(".png"), exif=turned if number == 2 else None)
    return tmp_path / "set"


def loader(root: Path, flags: str):
    return create_dataset(TrainOptions(f"--dataroot {root} --gpu_ids -1 --seed 5 --crop_size 32 {flags}").parse())


def batches(dataset, epoch: int, start: int = 0) -> list[dict]:
    dataset.set_epoch(epoch, start)
    return list(dataset)


def same(some: list[dict], others: list[dict]) -> bool:
    return len(some) == len(others) > 0 and all(
        torch.equal(one[key], other[key]) if torch.is_tensor(one[key]) else one[key] == other[key]
        for one, other in zip(some, others, strict=True)
        for key in one | other
    )


TREATMENTS = ["resize_and_crop", "scale_width_and_crop", "scale_shortside_and_crop", "rescale_shortside_and_crop",
              "rescale_shortside", "crop", "trim", "none"]  # fmt: skip


@pytest.mark.parametrize("preprocess", TREATMENTS)
def test_cached_pictures_are_bit_for_bit_those_of_the_disk(mixed, preprocess):
    """Two processes fill the cache and read it, for load_size 40 in epochs 1 and 2, then 32, then 32 again."""
    flags = f"--preprocess {preprocess} --load_size 40 --n_epochs 2 --n_epochs_decay 2 --num_threads 2"
    cached, read = loader(mixed, flags), loader(mixed, f"{flags} --cache off")
    assert cached.dataset.cache and not read.dataset.cache
    assert all(same(batches(cached, epoch), batches(read, epoch)) for epoch in (1, 2, 3, 4))


@pytest.mark.parametrize("mode", MODES)
def test_what_one_process_read_no_other_reads_again(mixed, mode):
    root = mixed / "trainA" if mode == "single" else mixed
    # In order, and in epoch 2 one picture later: each process gets what the other one read in epoch 1.
    flags = f"{MODES[mode]} --num_threads 2 --serial_batches --no_flip --preprocess scale_width"
    cached, expected = loader(root, flags), batches(loader(root, f"{flags} --cache off"), 2, start=1)
    batches(cached, 1)
    for path in mixed.glob("*/*"):
        path.unlink()
    assert same(batches(cached, 2, start=1), expected)


def test_a_spawned_process_fills_the_same_cache(mixed):
    """As on macOS and Windows, where a process gets the data set as a pickle."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    try:
        dataset = loader(mixed, "--model pix2pix --num_threads 1")
        batches(dataset, 1)
    finally:
        multiprocessing.set_start_method(before, force=True)
    pairs = dataset.dataset
    for path in pairs.paths:
        kept, read = pairs.read_scaled(path, pairs.whole), pairs.read(path)
        assert pairs.cache.get(path, pairs.whole.load_size) is not None and kept.tobytes() == read.tobytes()


def test_a_file_that_is_replaced_before_it_is_read_is_shown_as_it_is(pictures):
    flags = "--num_threads 0 --serial_batches --no_flip --preprocess none"
    cached = loader(pictures, flags)
    for path in pictures.glob("train?/0.png"):
        Image.new("RGB", (60, 80), "red").save(path)  # more than its slot holds
    for epoch in (1, 2):
        assert same(batches(cached, epoch), batches(loader(pictures, f"{flags} --cache off"), epoch))


def test_a_slot_says_for_which_size_it_was_filled():
    cache = PictureCache({"a": 12, "b": 27}, shared=False)
    first, second = (Image.new("RGB", (3, 3), color) for color in ("red", "blue"))
    assert cache.get("b", 3) is None
    cache.put("b", 3, first)
    assert cache.get("b", 3).tobytes() == first.tobytes() and cache.get("b", 2) is None and cache.get("a", 3) is None
    cache.put("b", 2, second)
    assert cache.get("b", 2).tobytes() == second.tobytes() and cache.get("b", 3) is None
    cache.put("a", 3, first)  # 27 bytes: its slot has 12
    assert cache.get("a", 3) is None and cache.get("b", 2).tobytes() == second.tobytes()


def test_what_is_no_picture_is_named_at_the_start_and_what_is_cut_short_when_it_is_read(pictures):
    damaged = pictures / "trainA/1.png"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    dataset = loader(pictures, "--num_threads 2")
    for _ in range(2):
        with pytest.raises(UserError, match=f"{damaged} is not a readable picture"):
            batches(dataset, 1)
    damaged.write_text("not a picture")
    with pytest.raises(UserError, match=f"{damaged} is not a readable picture"):
        loader(pictures, "")


BYTES = 8 * 40 * 48 * 3  # of the fixture's pictures, decoded


@pytest.mark.parametrize(
    ("free", "shared", "flags", "processes", "line"),
    [
        (2 * BYTES, 2 * BYTES, "--num_threads 2", "", "pictures: 0.0 MB cached in memory"),
        (2 * BYTES - 2, 2 * BYTES, "--num_threads 2", "", "do not fit into half of the free memory, 0.1 MB"),
        (2 * BYTES, 2 * BYTES - 2, "--num_threads 2", "", r"of the free /dev/shm \(docker: --shm-size\), 0.1 MB"),
        (2 * BYTES, 2 * BYTES - 2, "--num_threads 0", "", "pictures: 0.0 MB cached in memory"),
        (8 * BYTES, 8 * BYTES, "--num_threads 2", "4", "pictures: 0.2 MB for 4 processes cached in memory"),
        (8 * BYTES - 2, 8 * BYTES, "--num_threads 0", "4", "for 4 processes do not fit into half of the free memory"),
    ],
)
def test_pictures_that_do_not_fit_are_read_each_time(
    pictures, monkeypatch, capsys, free, shared, flags, processes, line
):
    monkeypatch.setattr(memory, "_unused", lambda: free)
    monkeypatch.setattr(memory.shutil, "disk_usage", lambda _: Namespace(free=shared))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    capsys.readouterr()
    dataset = loader(pictures, f"{flags} --preprocess none")
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1 and re.search(line, printed), printed
    assert bool(dataset.dataset.cache) == ("cached" in printed)


@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare to make a small /dev/shm with")
def test_a_run_in_a_container_with_little_shared_memory_goes_on(pictures):
    """More than /dev/shm has would end the run. These pictures fit into its 600 kB, but not into half of them."""
    script = ("from options.train_options import TrainOptions\nfrom data import create_dataset\n"
              f"print(len(list(create_dataset(TrainOptions('--dataroot {pictures} --gpu_ids -1 --num_threads 1 "
              "--load_size 120 --crop_size 32').parse()))))")  # fmt: skip
    inside = 'mount -t tmpfs -o size=600k tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, "sh", sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if "Operation not permitted" in done.stderr or "ermission denied" in done.stderr:
        pytest.skip(f"no small /dev/shm can be made here: {done.stderr.strip()}")
    first, last = done.stdout.splitlines()
    assert "do not fit into half of the free /dev/shm (docker: --shm-size), 0.6 MB" in first, done.stderr
    assert last == "4"
