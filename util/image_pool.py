"""A buffer of generated images to train a discriminator on (Shrivastava et al. 2017, section 2.3)."""

import random

import torch


class ImagePool:
    """Holds up to `size` images. Once it is full, each query is answered with a stored image half of the time."""

    def __init__(self, size: int):
        self.size = size
        self.images: list[torch.Tensor] = []

    def query(self, images: torch.Tensor) -> torch.Tensor:
        """Return as many images (N, C, H, W) as given: each is the given one or a stored one."""
        if self.size == 0:
            return images
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            raise RuntimeError("an image pool draws other images in each step; use --pool_size 0")
        return torch.stack([self._exchange(image) for image in images.detach()])

    def _exchange(self, image: torch.Tensor) -> torch.Tensor:
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        if random.random() < 0.5:
            return image
        index = random.randrange(self.size)
        stored, self.images[index] = self.images[index], image
        return stored
