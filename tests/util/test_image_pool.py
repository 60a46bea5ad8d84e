"""The pool of generated images that a discriminator is trained on."""

import numpy as np
import torch

from util.image_pool import ImagePool


def test_image_pool_returns_an_older_image_half_of_the_time():
    """Once the pool is full, every image either comes out at once or waits for its turn."""
    pool, size, count = ImagePool(50), 50, 4000
    assert torch.equal(ImagePool(0).query(torch.ones(3, 1)), torch.ones(3, 1))
    first = pool.query(torch.arange(size).float().view(size, 1))
    assert first.flatten().tolist() == list(range(size))  # as they come, until it is full
    out = [pool.query(torch.tensor([[float(number)]])).item() for number in range(size, size + count)]
    waits = [number - got for number, got in zip(range(size, size + count), out, strict=True) if got != number]
    assert abs(len(waits) / count - 0.5) < 4 * np.sqrt(0.25 / count)
    # Its place is swapped in one of 2 * 50 queries, so a stored image waits for 100 on average.
    assert abs(np.mean(waits[500:]) - 100) < 4 * 100 / np.sqrt(len(waits) - 500)
    assert len(pool.images) == size and len(set(out)) == len(out)  # none is ever returned twice after that


def test_image_pool_takes_batches_and_keeps_no_graph():
    pool, images = ImagePool(2), torch.randn(5, 3, 4, 4, requires_grad=True)
    out = pool.query(images)
    assert out.shape == images.shape and not out.requires_grad
    assert all(any(torch.equal(one, other) for other in images) for one in out)
