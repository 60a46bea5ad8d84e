"""What a network needs in memory, found out without allocating any of it."""

from collections.abc import Sequence

import torch
from torch import nn


def weight_bytes(net: nn.Module) -> int:
    """Return the bytes of the weights and buffers of a network."""
    return sum(value.numel() * value.element_size() for value in net.state_dict().values())


def activation_bytes(net: nn.Module, shape: Sequence[int]) -> int:
    """Return the bytes of the activations that a forward pass keeps for its backward pass.

    Args:
        net: on the meta device, where tensors have a shape and no content.
        shape: of the images, (N, C, H, W).
    Raises:
        RuntimeError, ValueError: if the network does not take images of this size.
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
