"""Batches in an order, and with a randomness, that depend on seed and epoch alone."""

import os
import random
from argparse import Namespace
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset

from data.prefetch import prefetch
from util import checkpoint, distributed
from util.errors import UserError


class Loader:
    """Iterate over the batches of an epoch.

    Each picture's crop, flip and partner come from (seed, epoch, index): they are the same for any number of
    loading processes, and an epoch can be entered in its middle. Of several training processes each takes its part of
    what one would take in a step: with another number of them the order stays.
    """

    def __init__(self, dataset: Dataset, opt: Namespace):
        self.dataset, self.device = dataset, opt.device
        self.size = min(len(dataset), opt.max_dataset_size)
        self.step_size = distributed.step_size(opt) if opt.isTrain else opt.batch_size
        if opt.isTrain and self.size < self.step_size:
            raise UserError(f"{_in_words(opt)} is larger than the data set ({self.size} pictures)")
        batch_size = self.step_size // distributed.world_size()
        self.order = _Order(self.size, opt.seed, shuffle=not opt.serial_batches, batch_size=batch_size)
        workers = min(opt.num_threads, os.cpu_count() or 1) if opt.isTrain else 0
        self.batches = DataLoader(
            _Seeded(dataset, opt.seed),
            batch_size=batch_size,
            sampler=self.order,
            num_workers=workers,
            persistent_workers=workers > 0,
            drop_last=opt.isTrain,
            pin_memory=opt.device.type == "cuda",
            # Its own generator: the loader would otherwise draw from the one that training uses.
            generator=torch.Generator().manual_seed(opt.seed),
        )

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch to iterate over, leaving out its first `start` pictures."""
        self.order.epoch, self.order.start = epoch, start

    def __len__(self) -> int:
        """Return the pictures of an epoch of all processes; in training an incomplete last step is left out."""
        return self.size - self.size % self.step_size

    def __iter__(self) -> Iterator[dict]:
        return prefetch(self.batches, self.device)


def _in_words(opt: Namespace) -> str:
    text = f"--batch_size {opt.batch_size}"
    text += f" times --accumulate {opt.accumulate}" * (opt.accumulate > 1)
    return text + f" times {distributed.world_size()} processes" * (distributed.world_size() > 1)


class _Order:
    """Yields (epoch, index) pairs, shuffled anew in each epoch: batch by batch in turn those of each process."""

    def __init__(self, size: int, seed: int, shuffle: bool, batch_size: int):
        self.size, self.seed, self.shuffle, self.batch_size = size, seed, shuffle, batch_size
        self.epoch, self.start = 1, 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        indices = list(range(self.size))
        if self.shuffle:
            random.Random(f"{self.seed} {self.epoch}").shuffle(indices)
        batches = [indices[first : first + self.batch_size] for first in range(self.start, self.size, self.batch_size)]
        processes = distributed.world_size()
        if processes > 1:  # all take as many steps
            whole_steps = (self.size - self.start) // (self.batch_size * processes)
            batches = batches[distributed.rank() :: processes][:whole_steps]
        return iter([(self.epoch, index) for batch in batches for index in batch])


class _Seeded(Dataset):
    """Calls the dataset with the global generators seeded for one picture, and puts them back."""

    def __init__(self, dataset: Dataset, seed: int):
        self.dataset, self.seed = dataset, seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> dict:
        epoch, index = key
        before = checkpoint.random_state()
        checkpoint.seed_cpu(random.Random(f"{self.seed} {epoch} {index}").randrange(2**32))
        try:
            self.dataset.current_epoch = epoch
            return self.dataset[index]
        finally:
            checkpoint.set_random_state(before)
