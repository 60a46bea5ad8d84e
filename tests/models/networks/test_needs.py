"""What a network needs: bytes counted by hand, a bound that holds, sizes that it takes."""

import pytest
import torch
from torch import nn

from models.networks import define_D, define_G
from models.networks.needs import activation_bytes, check_image_size, most_activation_bytes, weight_bytes
from util.errors import UsageError


def sketch(define, *arguments, **keywords) -> nn.Module:
    with torch.device("meta"):
        return define(*arguments, **keywords)


def test_bytes_are_those_of_weights_and_of_outputs():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(True), nn.Conv2d(8, 1, 1, bias=False))
    assert weight_bytes(net) == 4 * (3 * 8 * 9 + 8 + 8)
    assert activation_bytes(net, (2, 3, 10, 20)) == 4 * 2 * 200 * (8 + 1)


@pytest.mark.parametrize("name", ["resnet_9blocks", "unet_128", "context"])
def test_the_bound_is_larger_and_random_numbers_stay(name):
    state = torch.get_rng_state()
    keywords = {"norm": "layer", "context": True} if name == "context" else {}
    net = sketch(define_G, 3, 3, 8, "resnet_9blocks" if name == "context" else name, **keywords)
    shape = (2, 3, 128, 128)
    assert 0 < activation_bytes(net, shape) < most_activation_bytes(shape, 8)
    assert torch.equal(state, torch.get_rng_state())
    ours = define_G(3, 3, 8, "resnet_9blocks" if name == "context" else name, **keywords)
    assert weight_bytes(net) == weight_bytes(ours)


@pytest.mark.parametrize("layers", [1, 3, 4, 5, 6])
def test_a_discriminator_names_images_that_are_too_small(layers):
    net = sketch(define_D, 3, 4, "n_layers", layers)
    for side in (24, 32, 64, 128, 256):
        try:
            define_D(3, 1, "n_layers", layers)(torch.zeros(1, 3, side, side))
        except (RuntimeError, ValueError):
            with pytest.raises(UsageError, match=f"--crop_size {side}: flags needs larger images"):
                check_image_size(net, side, "flags")
        else:
            check_image_size(net, side, "flags")


def test_a_unet_names_the_multiple_that_it_needs():
    with pytest.raises(UsageError, match="needs a multiple of 128"):
        check_image_size(sketch(define_G, 3, 3, 4, "unet_128"), 192, "--netG unet_128")
    check_image_size(sketch(define_G, 3, 3, 4, "unet_128"), 256, "--netG unet_128")
