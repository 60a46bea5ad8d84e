"""Pictures generated earlier, to train a discriminator on (Shrivastava et al. 2017, section 2.3)."""

import random

import torch


class ImagePool:
    """Holds up to `size` pictures. Once it is full, half of the pictures asked for are swapped for stored ones."""

    def __init__(self, size: int):
        self.size = size
        self.images: list[torch.Tensor] = []

    def query(self, images: torch.Tensor) -> torch.Tensor:
        """Return pictures (N, C, H, W) for as many given: each given one or, in its place, a stored one."""
        if self.size == 0:
            return images
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            raise RuntimeError("a pool of pictures is drawn from anew in each step; --pool_size 0 has none")
        return torch.stack([self._exchange(image) for image in images.detach()])

    def _exchange(self, image: torch.Tensor) -> torch.Tensor:
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        if random.random() < 0.5:
            return image
        place = random.randrange(self.size)
        stored, self.images[place] = self.images[place], image
        return stored
