"""Whether a network and its images fit into memory: said before they are tried."""

from argparse import Namespace
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from models.networks import define_D, define_G
from models.networks.needs import activation_bytes, check_image_size, most_activation_bytes, weight_bytes
from models.networks.strips import bytes_in_strips
from util import memory
from util.errors import UsageError, UserError


def build_generator(opt: Namespace, input_nc: int, output_nc: int) -> nn.Module:
    """Build the generator that the options name, if it fits."""
    if opt.context and not opt.netG.startswith("resnet"):
        raise UsageError(f"--context: --netG {opt.netG} has no such branch; choose a resnet")
    upstream_order = (opt.ngf, opt.netG, opt.normG, not opt.no_dropout, opt.init_type, opt.init_gain, opt.no_antialias,
                      opt.no_antialias_up)  # fmt: skip
    further = {"context": opt.context, "size": _training_size(opt), "downsamplings": opt.stylegan2_G_num_downsampling}
    build = partial(define_G, input_nc, output_nc, *upstream_order, **further)
    return _build_that_fits(build, opt, input_nc, opt.ngf, f"--netG {opt.netG} --ngf {opt.ngf}")


def build_discriminator(opt: Namespace, input_nc: int) -> nn.Module:
    """Build the discriminator that the options name, if it fits."""
    upstream_order = (opt.ndf, opt.netD, opt.n_layers_D, opt.normD, opt.init_type, opt.init_gain)
    layers = f" --n_layers_D {opt.n_layers_D}" if opt.netD == "n_layers" else ""
    build = partial(define_D, input_nc, *upstream_order, opt.no_antialias, size=_training_size(opt))
    return _build_that_fits(build, opt, input_nc, opt.ndf, f"--netD {opt.netD}{layers} --ndf {opt.ndf}")


def _training_size(opt: Namespace) -> int:
    """Return the side of the training images, on which the numbers of channels of StyleGAN2 depend."""
    return min(opt.load_size, opt.crop_size)


def _build_that_fits(
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
