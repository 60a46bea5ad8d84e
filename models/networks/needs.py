"""What a network needs: image sizes that it takes, and memory, found out without allocating any of it."""

from collections.abc import Sequence

import torch
from torch import nn

from models.networks.patchgan import NLayerDiscriminator
from models.networks.stylegan2 import StyleGAN2Discriminator
from models.networks.unet import UnetGenerator
from util.errors import UsageError

_MOST_MAPS = 60  # all activations of a network are less than so many maps of its first layer


def weight_bytes(net: nn.Module) -> int:
    """Return the bytes of the weights and buffers of a network."""
    return sum(value.numel() * value.element_size() for value in net.state_dict().values())


def check_image_size(net: nn.Module, side: int, flags: str) -> None:
    """Raise a UsageError if a network cannot be trained on images of this size.

    Args: net: on the meta device, where tensors have a shape and no content; flags: that define it, for the message.
    """
    if isinstance(net, UnetGenerator) and side % net.size_multiple:
        raise UsageError(f"--crop_size {side}: {flags} needs a multiple of {net.size_multiple}; choose another size, "
                         "unet_128 or a resnet")  # fmt: skip
    if isinstance(net, StyleGAN2Discriminator) and side != net.size:
        raise UsageError(f"--crop_size {side}: {flags} needs a power of two")
    if isinstance(net, NLayerDiscriminator) and net.n_layers > 3:  # with 3 layers any --crop_size is enough
        try:
            activation_bytes(net, (1, net.model[0].in_channels, side, side))
        except (RuntimeError, ValueError):
            raise UsageError(f"--crop_size {side}: {flags} needs larger images") from None


def most_activation_bytes(shape: Sequence[int], filters: int) -> int:
    """Return a number that is larger than `activation_bytes`, and takes no time.

    Args: shape: of the images; filters: of the first layer.
    """
    batch, _, height, width = shape
    return 4 * _MOST_MAPS * batch * filters * height * width


def activation_bytes(net: nn.Module, shape: Sequence[int]) -> int:
    """Return the bytes of the activations that a forward pass keeps for its backward pass.

    Args: net: on the meta device; shape: of the images, (N, C, H, W).
    """
    total = 0

    def count(layer: nn.Module, inputs: object, output: object) -> None:
        nonlocal total
        if isinstance(output, torch.Tensor) and not isinstance(layer, (nn.ReLU, nn.LeakyReLU)):  # those are in place
            total += output.numel() * output.element_size()

    leaves = [layer for layer in net.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(count) for layer in leaves]
    net(torch.empty(tuple(shape), device="meta"))
    for hook in hooks:
        hook.remove()
    return total
