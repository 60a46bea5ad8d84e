"""Whether a network and its images fit into memory: said before they are tried."""

from argparse import Namespace
from collections.abc import Callable

import torch
from torch import nn

from models.networks.needs import activation_bytes, check_image_size, most_activation_bytes, weight_bytes
from models.networks.strips import bytes_in_strips
from util import memory
from util.errors import UserError


def build_that_fits(
    build: Callable[[], nn.Module], opt: Namespace, channels: int, filters: int, flags: str
) -> nn.Module:
    """Build a network, unless it does not take images of --crop_size, or cannot fit into memory with them.

    Args: channels: of its input; filters: of its largest layers; flags: that define it, for messages.
    """
    with torch.device("meta"):
        sketch = build()
    free, place = memory.free_on(opt.device)
    needed = weight_bytes(sketch)
    if opt.isTrain:
        check_image_size(sketch, opt.crop_size, flags)
        flags += f" --crop_size {opt.crop_size} --batch_size {opt.batch_size}"
        needed *= 4  # with gradients and two moments
        images = opt.batch_size, channels, opt.crop_size, opt.crop_size
        if needed + most_activation_bytes(images, filters) > free:
            needed += activation_bytes(sketch, images)
    if needed > free:
        raise UserError(f"{flags}: this takes {needed / 1e9:.1f} GB of {place} or more, and {free / 1e9:.1f} GB "
                        "are free")  # fmt: skip
    return build().to(opt.device)


def check_image_fits(net: nn.Module, images: torch.Tensor, name: str) -> None:
    """Raise a UserError if a generator cannot color these images, (N, C, H, W), in strips. Args: name: of the file."""
    free, place = memory.free_on(images.device)
    needed = bytes_in_strips(net, images)
    if needed > free:
        raise UserError(
            f"{name}: {images.shape[3]}x{images.shape[2]} pixels need {needed / 1e9:.1f} GB of {place}, and "
            f"{free / 1e9:.1f} are free; --preprocess rescale_shortside scales images to --load_size, colorize.py "
            "keeps their size"
        )
