"""The data loader. Its order and augmentation depend only on (seed, epoch, index)."""

import multiprocessing
import os
import random
import signal
import threading
import weakref
from argparse import Namespace
from collections.abc import Iterator
from ctypes import c_bool
from functools import partial

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from data.image_reader import BadImageError
from data.prefetch import prefetch
from util import distributed, interrupt, random_state
from util.errors import UsageError, UserError, warn


class Loader:
    """Iterates over the batches of an epoch.

    Crop, flip and partner of each image depend on (seed, epoch, index): they are the same for any number of workers,
    and an epoch can be continued in its middle. Several training processes share the batches in the order that one
    process would have. An image that cannot be read ends the iteration with a UserError; in a test its batch has only
    an `error`, and the iteration goes on.
    """

    def __init__(self, dataset: Dataset, opt: Namespace):
        self.dataset, self.device = dataset, opt.device
        self.size = min(len(dataset), opt.max_dataset_size)
        self.step_size = distributed.step_size(opt) if opt.isTrain else opt.batch_size
        if opt.isTrain and self.size < self.step_size:
            raise UsageError(f"{_step_size_flags(opt)} is larger than the dataset ({self.size} images)")
        batch_size = self.step_size // distributed.world_size()
        self.order = _Order(self.size, opt.seed, shuffle=not opt.serial_batches, batch_size=batch_size)
        workers = min(opt.num_threads, os.cpu_count() or 1) if opt.isTrain else 0
        leave_signals = None
        if workers:
            is_closed = multiprocessing.RawValue(c_bool, False)
            weakref.finalize(self, setattr, is_closed, "value", True)  # at the latest when Python ends
            leave_signals = partial(_leave_signals_to_training, is_closed)
        self.batches = DataLoader(
            _Seeded(dataset, opt),
            batch_size=batch_size,
            sampler=self.order,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=_collate,
            worker_init_fn=leave_signals,
            drop_last=opt.isTrain,
            pin_memory=opt.device.type == "cuda",
            # Its own generator: the loader would otherwise draw from the one that training uses.
            generator=torch.Generator().manual_seed(opt.seed),
        )

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch to iterate over, and skip its first `start` images."""
        self.order.epoch, self.order.start = epoch, start

    def __len__(self) -> int:
        """Return the number of images in an epoch of all processes; training drops an incomplete last step."""
        return self.size - self.size % self.step_size

    def __iter__(self) -> Iterator[dict]:
        batches = prefetch(self.batches, self.device)
        return _raise_errors(batches) if self.dataset.opt.isTrain else batches

    def close(self) -> None:
        """End the workers and threads of torch's loader. It cannot be iterated afterwards."""
        del self.batches
        for thread in threading.enumerate():
            if thread.name == "QueueFeederThread":  # fed the workers, and ends by itself
                thread.join(1)


def _collate(items: list[dict]) -> dict:
    """Return a batch of items, or the first item that is only an error."""
    return next((item for item in items if "error" in item), None) or default_collate(items)


def _raise_errors(batches: Iterator[dict]) -> Iterator[dict]:
    for batch in batches:
        if "error" in batch:
            # Another one: an error that a variable of its own traceback holds would keep this iterator alive.
            raise type(batch["error"])(*batch["error"].args)
        yield batch


def _leave_signals_to_training(is_closed: c_bool, worker: int) -> None:
    """Ignore the signals that stop a run: batch systems send them to workers too, whose images the last step needs.

    When the loader is closed, SIGTERM ends its workers: so do torch and multiprocessing with those that are left.
    """
    for number in interrupt.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0) if is_closed.value else None)


def _step_size_flags(opt: Namespace) -> str:
    factors = [f"--batch_size {opt.batch_size}"]
    factors += [f"--accumulate {opt.accumulate}"] if opt.accumulate > 1 else []
    factors += [f"{distributed.world_size()} processes"] if distributed.world_size() > 1 else []
    return " times ".join(factors)


class _Order:
    """Yields (epoch, index) pairs in the shuffled order of an epoch. Each of n processes takes every n-th batch."""

    def __init__(self, size: int, seed: int, shuffle: bool, batch_size: int):
        self.size, self.seed, self.shuffle, self.batch_size = size, seed, shuffle, batch_size
        self.epoch, self.start = 1, 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        indices = list(range(self.size))
        if self.shuffle:
            random.Random(f"{self.seed} {self.epoch}").shuffle(indices)
        batches = [indices[first : first + self.batch_size] for first in range(self.start, self.size, self.batch_size)]
        processes = distributed.world_size()
        if processes > 1:  # all take the same number of steps
            whole_steps = (self.size - self.start) // (self.batch_size * processes)
            batches = batches[distributed.rank() :: processes][:whole_steps]
        return iter([(self.epoch, index) for batch in batches for index in batch])


class _Seeded(Dataset):
    """Seeds the global generators for each item, and restores them afterwards.

    An item that cannot be read is only its error: a worker hands it on whole, and torch would wrap what it raises. With
    --on_bad_image skip it is the next item that can.
    """

    def __init__(self, dataset: Dataset, opt: Namespace):
        self.dataset, self.opt = dataset, opt
        self.named: set[str] = set()  # errors that are warned of already

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> dict:
        epoch, index = key
        before = random_state.random_state()
        random_state.seed_cpu(random.Random(f"{self.opt.seed} {epoch} {index}").randrange(2**32))
        try:
            self.dataset.current_epoch = epoch
            return self._read(index)
        finally:
            random_state.set_random_state(before)

    def _read(self, index: int) -> dict:
        for other in range(index, index + len(self.dataset)):
            try:
                return self.dataset[other % len(self.dataset)]
            except UserError as error:
                is_bad = isinstance(error, BadImageError)
                if not is_bad and not self.opt.isTrain:
                    raise
                if not is_bad or not self.opt.isTrain or self.opt.on_bad_image == "error":
                    return {"error": error}
                if str(error) not in self.named:
                    self.named.add(str(error))
                    warn(f"warning: {error}: the next image is taken")
        return {"error": UserError("no image of this dataset can be read")}
