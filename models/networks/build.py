"""Networks under CUT's names. define_G and define_D have CUT's arguments; define_F is given channels of layers."""

from collections.abc import Mapping, Sequence

from torch import nn

from models.networks.init import init_weights
from models.networks.layers import norm_layer
from models.networks.patch_sample import PatchSampleF
from models.networks.patchgan import NLayerDiscriminator, PixelDiscriminator
from models.networks.resnet import ResnetGenerator
from models.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from models.networks.unet import UnetGenerator
from util.device import device_of

_RESNET_BLOCKS = {"resnet_9blocks": 9, "resnet_6blocks": 6, "resnet_4blocks": 4}
_UNET_DOWNS = {"unet_256": 8, "unet_128": 7}
_STYLEGAN2 = {"stylegan2": {"has_noise": True, "n_blocks": 6}, "smallstylegan2": {"has_noise": False, "n_blocks": 2}}
GENERATORS = [*_RESNET_BLOCKS, *_UNET_DOWNS, *_STYLEGAN2]
DISCRIMINATORS = ["basic", "n_layers", "pixel", "stylegan2"]
PROJECTIONS = ["sample", "mlp_sample"]


def define_G(
    input_nc: int,
    output_nc: int,
    ngf: int,
    netG: str,
    norm: str = "instance",
    use_dropout: bool = False,
    init_type: str = "xavier",
    init_gain: float = 0.02,
    no_antialias: bool = False,
    no_antialias_up: bool = False,
    gpu_ids: Sequence[int] = (),
    opt: object = None,
    context: bool = False,
    size: int = 256,
    downsamplings: int = 1,
) -> nn.Module:
    """Build a generator: (N, input_nc, H, W) in [-1, 1] -> (N, output_nc, H, W) in [-1, 1].

    Args:
        gpu_ids: the network is moved to the first of them, as CUT does.
        opt: not used; models from a CUT checkout give it.
        context: give a ResNet the height in the image and its lightness.
        size, downsamplings: of StyleGAN2's generator: the side of the training images, and its number of downsamplings.
    """
    if netG in _STYLEGAN2:  # which draws its own weights
        return _moved(StyleGAN2Generator(input_nc, output_nc, ngf, size, downsamplings, **_STYLEGAN2[netG]), gpu_ids)
    if netG in _UNET_DOWNS:
        net: nn.Module = UnetGenerator(input_nc, output_nc, _UNET_DOWNS[netG], ngf, norm_layer(norm), use_dropout)
    else:
        blocks, antialias, antialias_up = _RESNET_BLOCKS[netG], not no_antialias, not no_antialias_up
        shape = (blocks, antialias, antialias_up, context)
        net = ResnetGenerator(input_nc, output_nc, ngf, norm_layer(norm), use_dropout, *shape)
    return _moved(init_weights(net, init_type, init_gain), gpu_ids)


def define_D(
    input_nc: int,
    ndf: int,
    netD: str,
    n_layers_D: int = 3,
    norm: str = "instance",
    init_type: str = "xavier",
    init_gain: float = 0.02,
    no_antialias: bool = False,
    gpu_ids: Sequence[int] = (),
    opt: object = None,
    size: int = 256,
) -> nn.Module:
    """Build a discriminator: (N, input_nc, H, W) -> a map of scores (N, 1, H', W'), or with stylegan2 scores (N, 1).

    Last arguments: see define_G.
    """
    if netD == "stylegan2":
        return _moved(StyleGAN2Discriminator(input_nc, ndf, size), gpu_ids)
    if netD == "pixel":
        net: nn.Module = PixelDiscriminator(input_nc, ndf, norm_layer(norm))
    else:
        layers = n_layers_D if netD == "n_layers" else 3
        net = NLayerDiscriminator(input_nc, ndf, layers, norm_layer(norm), antialias=not no_antialias)
    return _moved(init_weights(net, init_type, init_gain), gpu_ids)


def define_F(
    channels: list[int], netF: str, nc: int = 256, init_type: str = "xavier", init_gain: float = 0.02
) -> PatchSampleF:
    """Build the projection H. Args: channels: the channel count of each tapped layer."""
    return init_weights(PatchSampleF(channels, use_mlp=netF == "mlp_sample", nc=nc), init_type, init_gain)


def _moved(net: nn.Module, gpu_ids: Sequence[int]) -> nn.Module:
    return net.to(device_of(list(gpu_ids))) if gpu_ids else net


def describe_networks(networks: Mapping[str, nn.Module], verbose: bool) -> str:
    """Return a line for each network with its number of parameters; if verbose, its layers too."""
    lines = []
    for name, net in networks.items():
        count = sum(parameter.numel() for parameter in net.parameters())
        lines.append(f"[Network {name}] {count / 1e6:.3f} M parameters")
        if verbose:
            lines.append(str(net))
    return "\n".join(lines)
