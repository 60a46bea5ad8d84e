"""Copies batches to a GPU while it still works on the step before."""

from collections.abc import Iterable, Iterator

import torch


def prefetch(batches: Iterable[dict], device: torch.device) -> Iterator[dict]:
    """Return the batches; for CUDA with their tensors on the device.

    The loop asks for a batch when the step before has been launched but not computed. A stream of its own copies the
    batch meanwhile: in the stream of the steps it would wait for their end. No batch is taken in advance.

    Args: batches: dictionaries of tensors, in pinned memory for CUDA, and of other values, which stay as they are.
    """
    return _copied(batches, device) if device.type == "cuda" else iter(batches)


def _copied(batches: Iterable[dict], device: torch.device) -> Iterator[dict]:
    copies = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(copies):
            batch = {k: v.to(device, non_blocking=True) if torch.is_tensor(v) else v for k, v in batch.items()}
        steps = torch.cuda.current_stream(device)
        steps.wait_stream(copies)
        for value in batch.values():
            if torch.is_tensor(value):
                value.record_stream(steps)  # else a later copy could reuse its memory while a step still reads it
        yield batch
