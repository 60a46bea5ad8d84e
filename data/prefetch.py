"""Batches on their way to a GPU while it still works on the one before."""

from collections.abc import Iterable, Iterator

import torch


def prefetch(batches: Iterable[dict], device: torch.device) -> Iterator[dict]:
    """Return the batches, for CUDA with their tensors on the device.

    A batch is asked for when the step on the one before has been launched, not computed. A stream of its own copies it
    meanwhile; in the stream of the steps it would wait for them to end. Nothing is taken from `batches` in advance.

    Args: batches: dictionaries of tensors, in pinned memory for CUDA, and of anything else, which is left alone.
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
                value.record_stream(steps)  # or its memory could be given to a later copy while a step still reads it
        yield batch
