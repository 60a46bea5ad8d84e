"""Decoded and scaled images in memory, so that no file is read again in the next epoch."""

import multiprocessing
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import torch
from PIL import Image

from data.preprocess import scaled_size
from util import memory


class ImageCache:
    """One slot of bytes for each image, in memory that all loader workers share. Slots are filled as images are read.

    A slot has an image scaled for one `load_size`, and is filled again when another one is requested. Workers that fill
    the same slot write the same bytes, because all images of an epoch have one load_size.
    """

    def __init__(self, slots: dict[str, int], shared: bool):
        """Args: slots: bytes that each path needs; shared: whether other processes use the cache."""
        self.index = {path: number for number, path in enumerate(slots)}
        self.starts = list(accumulate(slots.values(), initial=0))
        # Width, height and load_size of the image in each slot; 0 = empty. Written last, under the lock of this array,
        # so that a process that finds an entry finds all of its pixels.
        self.contents = multiprocessing.Array("i", 3 * len(slots))
        self.pixels = torch.empty(self.starts[-1], dtype=torch.uint8)
        if shared:
            self.pixels.share_memory_()

    def get(self, path: str, load_size: int) -> Image.Image | None:
        """Return a copy of the image that was put for this `load_size`, or None."""
        number = self.index[path]
        width, height, scaled_for = self.contents[3 * number : 3 * number + 3]
        if scaled_for != load_size:
            return None
        return Image.frombytes("RGB", (width, height), self._slot(number)[: 3 * width * height])

    def put(self, path: str, load_size: int, image: Image.Image) -> None:
        """Keep an RGB image, unless its file was replaced meanwhile by one that is too large for its slot."""
        number, data = self.index[path], image.tobytes()
        slot = self._slot(number)
        if len(data) <= len(slot):
            slot[: len(data)] = np.frombuffer(data, np.uint8)
            self.contents[3 * number : 3 * number + 3] = [*image.size, load_size]

    def _slot(self, number: int) -> np.ndarray:
        return self.pixels[self.starts[number] : self.starts[number + 1]].numpy()


def cache_if_it_fits(sizes: Mapping[str, tuple[int, int]], variants: Sequence[Namespace]) -> ImageCache | None:
    """Return a cache for images under each variant of the options, or None; a message says which.

    They fit if they need at most half of the free memory. If a machine has several training processes
    (`LOCAL_WORLD_SIZE`), each has a cache of its own, and all of them must fit.

    Args: sizes: (width, height) of each file, by path.
    """
    slots = {path: _most_bytes(size, variants) for path, size in sizes.items()}
    processes = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    needed = sum(slots.values()) * processes
    need = f"{_in_bytes(needed)} for {processes} processes" if processes > 1 else _in_bytes(needed)
    shared = variants[0].num_threads > 0
    free, place = memory.free(shared)
    if needed > free // 2:
        half = f"half of the free {place}, {_in_bytes(free)}"
        print(f"images are not cached: {need} do not fit into {half}")
        return None
    print(f"images are cached in memory: {need}")
    return ImageCache(slots, shared)


def _most_bytes(size: tuple[int, int], variants: Sequence[Namespace]) -> int:
    """Return the most bytes that an image needs under any variant, upright or rotated."""
    scaled = [scaled_size(turned, opt) for turned in (size, size[::-1]) for opt in variants]
    return max(3 * width * height for width, height in scaled)


def _in_bytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
