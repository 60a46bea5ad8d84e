"""Images from the cache are those from the disk, bit for bit and in all processes; what does not fit is not kept."""

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

from data.image_cache import ImageCache
from data.image_reader import read_image
from tests.helpers.build import build_loader
from tests.helpers.images import damage, save
from tests.helpers.launch import ROOT
from util import memory
from util.errors import UserError

MODES = {
    "unaligned": "--model cut",
    "grayscale_unaligned": "--model colorcut",
    "aligned": "--model pix2pix",
    "colorization": "--model pix2pix --dataset_mode colorization",
    "single": "--model cut --dataset_mode single",
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A data root with images of several sizes and kinds in trainA, trainB and train."""
    draw = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for folder in ("trainA", "trainB", "train"):
        for number in range(6):
            width, height = (int(side) for side in draw.integers(34, 90, 2))
            path = tmp_path / "set" / folder / f"{number}.png"
            if number == 0:
                save(draw.integers(0, 65536, (height, width), dtype=np.uint16), path.with_suffix(".tif"))
            else:
                pixels = draw.integers(0, 256, (height, width, 3 + number % 2), dtype=np.uint8)
                save(pixels, path, exif=turned if number == 2 else None)
    return tmp_path / "set"


def loader(root: Path, flags: str):
    return build_loader(root, f"--crop_size 32 {flags}")


def batches(loader, epoch: int, start: int = 0) -> list[dict]:
    loader.set_epoch(epoch, start)
    return list(loader)


def same(some: list[dict], others: list[dict]) -> bool:
    return len(some) == len(others) > 0 and all(
        torch.equal(one[key], other[key]) if torch.is_tensor(one[key]) else one[key] == other[key]
        for one, other in zip(some, others, strict=True)
        for key in one | other
    )


WORDS = ["resize_and_crop", "scale_width_and_crop", "scale_shortside_and_crop", "rescale_shortside_and_crop",
         "rescale_shortside", "crop", "trim", "none"]  # fmt: skip


@pytest.mark.parametrize("preprocess", WORDS)
def test_image_cache_returns_the_images_of_the_disk_bit_for_bit(mixed, preprocess):
    """Two processes fill the cache and read it, for load_size 40 in epochs 1 and 2, then 32, then 32 again."""
    flags = f"--preprocess {preprocess} --load_size 40 --n_epochs 2 --n_epochs_decay 2 --num_threads 2"
    cached, uncached = loader(mixed, flags), loader(mixed, f"{flags} --cache off")
    assert cached.dataset.cache and not uncached.dataset.cache
    assert all(same(batches(cached, epoch), batches(uncached, epoch)) for epoch in (1, 2, 3, 4))


@pytest.mark.parametrize("mode", MODES)
def test_image_cache_is_shared_by_the_loading_processes(mixed, mode):
    root = mixed / "trainA" if mode == "single" else mixed
    # In order, and in epoch 2 one image later: each process gets what the other one read in epoch 1.
    flags = f"{MODES[mode]} --num_threads 2 --serial_batches --no_flip --preprocess scale_width"
    cached, expected = loader(root, flags), batches(loader(root, f"{flags} --cache off"), 2, start=1)
    batches(cached, 1)
    for path in mixed.glob("*/*"):
        path.unlink()
    assert same(batches(cached, 2, start=1), expected)


@pytest.mark.slow
def test_image_cache_is_filled_by_a_spawned_process(mixed):
    """As on macOS and Windows, where a process gets the dataset as a pickle."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    try:
        spawned = loader(mixed, "--model pix2pix --num_threads 1")
        batches(spawned, 1)
    finally:
        multiprocessing.set_start_method(before, force=True)
    pairs = spawned.dataset
    for path in pairs.paths:
        kept, read = pairs.read_scaled(path, pairs.whole), read_image(path)
        assert pairs.cache.get(path, pairs.whole.load_size) is not None and kept.tobytes() == read.tobytes()


def test_image_cache_shows_a_file_that_was_replaced_before_it_was_read(dataroot):
    flags = "--serial_batches --no_flip --preprocess none"
    cached = loader(dataroot, flags)
    for path in dataroot.glob("train?/0.png"):
        Image.new("RGB", (60, 80), "red").save(path)  # more than its slot holds
    for epoch in (1, 2):
        assert same(batches(cached, epoch), batches(loader(dataroot, f"{flags} --cache off"), epoch))


def test_image_cache_slots_know_for_which_size_they_were_filled():
    cache = ImageCache({"a": 12, "b": 27}, shared=False)
    first, second = (Image.new("RGB", (3, 3), color) for color in ("red", "blue"))
    assert cache.get("b", 3) is None
    cache.put("b", 3, first)
    assert cache.get("b", 3).tobytes() == first.tobytes() and cache.get("b", 2) is None and cache.get("a", 3) is None
    cache.put("b", 2, second)
    assert cache.get("b", 2).tobytes() == second.tobytes() and cache.get("b", 3) is None
    cache.put("a", 3, first)  # 27 bytes: its slot has 12
    assert cache.get("a", 3) is None and cache.get("b", 2).tobytes() == second.tobytes()


def test_image_cache_names_a_file_without_a_header_at_once_and_a_damaged_one_when_it_is_read(dataroot):
    damaged = damage(dataroot / "trainA/1.png")
    cached = loader(dataroot, "--num_threads 2")
    for _ in range(2):
        with pytest.raises(UserError, match=f"{damaged} is not a readable image"):
            batches(cached, 1)
    damaged.write_text("not an image")
    with pytest.raises(UserError, match=f"{damaged} is not a readable image"):
        loader(dataroot, "")


BYTES = 8 * 40 * 48 * 3  # of the decoded images of the fixture
CACHED, ON_DISK = "images are cached in memory: {}", "do not fit into half of the free {}, 0.1 MB"
SHM = r"/dev/shm \(docker: --shm-size\)"
ROOM = [  # free memory and shared memory in bytes, flags, processes, message
    (2 * BYTES, 2 * BYTES, "--num_threads 2", "", CACHED.format("0.0 MB")),
    (2 * BYTES - 2, 2 * BYTES, "--num_threads 2", "", ON_DISK.format("memory")),
    (2 * BYTES, 2 * BYTES - 2, "--num_threads 2", "", ON_DISK.format(SHM)),
    (2 * BYTES, 2 * BYTES - 2, "--num_threads 0", "", CACHED.format("0.0 MB")),
    (8 * BYTES, 8 * BYTES, "--num_threads 2", "4", CACHED.format("0.2 MB for 4 processes")),
    (8 * BYTES - 2, 8 * BYTES, "--num_threads 0", "4", "for 4 processes do not fit into half of the free memory"),
]


@pytest.mark.parametrize(("free", "shared", "flags", "processes", "message"), ROOM)
def test_image_cache_is_left_out_where_images_do_not_fit(
    dataroot, monkeypatch, capsys, free, shared, flags, processes, message
):
    monkeypatch.setattr(memory, "_unused", lambda: free)
    monkeypatch.setattr(memory.shutil, "disk_usage", lambda _: Namespace(free=shared))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    capsys.readouterr()
    cache = loader(dataroot, f"{flags} --preprocess none").dataset.cache
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1 and re.search(message, printed), printed
    assert (cache is not None) == ("are cached" in printed)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare to make a small /dev/shm with")
def test_image_cache_is_left_out_in_a_container_with_little_shared_memory(dataroot):
    """These images fit into the 600 kB of /dev/shm, but not into half of them. To need more would end the run."""
    flags = "--num_threads 1 --load_size 120 --crop_size 32"
    script = f"from tests.helpers.build import build_loader; print(len(list(build_loader('{dataroot}', '{flags}'))))"
    inside = 'mount -t tmpfs -o size=600k tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, "sh", sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if "Operation not permitted" in done.stderr or "ermission denied" in done.stderr:
        pytest.skip(f"no small /dev/shm can be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert "do not fit into half of the free /dev/shm (docker: --shm-size), 0.6 MB" in first and last == "4"
