"""Pictures kept in memory, decoded and scaled, so that no file is read again in the next epoch."""

import multiprocessing
import os
from argparse import Namespace
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
import torch
from PIL import Image

from data.image_reader import stored_size
from data.transforms import scaled_size
from util import memory


class PictureCache:
    """A slot of bytes for each picture, in memory that all loading processes share; filled as pictures are read.

    A slot holds a picture scaled for one `load_size`, and is filled anew when another is wanted. Processes that fill
    the same slot write the same bytes, since all pictures of an epoch are scaled for the same.
    """

    def __init__(self, slots: dict[str, int], shared: bool):
        """Args: slots: bytes that the picture of each path needs; shared: whether other processes take part."""
        self.index = {path: number for number, path in enumerate(slots)}
        self.starts = list(accumulate(slots.values(), initial=0))
        # Width, height and load_size of what each slot holds; 0: nothing yet. Entered last, and under this array's
        # lock, so that a process which finds an entry finds all of its pixels.
        self.contents = multiprocessing.Array("i", 3 * len(slots))
        self.pixels = torch.empty(self.starts[-1], dtype=torch.uint8)
        if shared:
            self.pixels.share_memory_()

    def get(self, path: str, load_size: int) -> Image.Image | None:
        """Return a copy of the picture that was put for this `load_size`, or None."""
        number = self.index[path]
        width, height, scaled_for = self.contents[3 * number : 3 * number + 3]
        if scaled_for != load_size:
            return None
        return Image.frombytes("RGB", (width, height), self._slot(number)[: 3 * width * height])

    def put(self, path: str, load_size: int, image: Image.Image) -> None:
        """Keep an RGB picture, unless its file was replaced meanwhile and it needs more than its slot."""
        number, data = self.index[path], image.tobytes()
        slot = self._slot(number)
        if len(data) <= len(slot):
            slot[: len(data)] = np.frombuffer(data, np.uint8)
            self.contents[3 * number : 3 * number + 3] = [*image.size, load_size]

    def _slot(self, number: int) -> np.ndarray:
        return self.pixels[self.starts[number] : self.starts[number + 1]].numpy()


def cache_if_it_fits(paths: Iterable[str], treatments: Sequence[Namespace]) -> PictureCache | None:
    """Return a cache with room for these pictures under each treatment, or None; a line says which.

    They fit if they need at most half of what is free: the rest is for batches and all else. Where a machine has
    several training processes (`LOCAL_WORLD_SIZE`), each has a cache of its own, and all of them must fit.

    Raises:
        UserError: if a file is no picture; it names the file.
    """
    slots = {path: _most_bytes(stored_size(path), treatments) for path in paths}
    processes = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    needed = sum(slots.values()) * processes
    need = _readable(needed) + f" for {processes} processes" * (processes > 1)
    shared = treatments[0].num_threads > 0
    free, place = memory.free(shared)
    if needed > free // 2:
        half = f"half of the free {place}, {_readable(free)}"
        print(f"pictures are read from disk each time: {need} do not fit into {half}")
        return None
    print(f"pictures: {need} cached in memory")
    return PictureCache(slots, shared)


def _most_bytes(size: tuple[int, int], treatments: Sequence[Namespace]) -> int:
    """Return the most that a picture needs under any of the treatments, upright or on its side."""
    scaled = [scaled_size(turned, opt) for turned in (size, size[::-1]) for opt in treatments]
    return max(3 * width * height for width, height in scaled)


def _readable(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
