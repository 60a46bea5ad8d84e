"""From upstream's names to initialized networks."""

from torch import nn

from models.networks.init import init_weights
from models.networks.layers import norm_layer
from models.networks.patch_sample import PatchSampleF
from models.networks.patchgan import NLayerDiscriminator, PixelDiscriminator
from models.networks.resnet import ResnetGenerator
from models.networks.unet import UnetGenerator

_RESNET_BLOCKS = {"resnet_9blocks": 9, "resnet_6blocks": 6, "resnet_4blocks": 4}
_UNET_DOWNS = {"unet_256": 8, "unet_128": 7}
GENERATORS = [*_RESNET_BLOCKS, *_UNET_DOWNS]


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
) -> nn.Module:
    """Build a generator: (N, input_nc, H, W) in [-1, 1] -> (N, output_nc, H, W) in [-1, 1]."""
    if netG in _UNET_DOWNS:
        net = UnetGenerator(input_nc, output_nc, _UNET_DOWNS[netG], ngf, norm_layer(norm), use_dropout)
    else:
        net = ResnetGenerator(
            input_nc,
            output_nc,
            ngf,
            norm_layer(norm),
            use_dropout,
            n_blocks=_RESNET_BLOCKS[netG],
            antialias=not no_antialias,
            antialias_up=not no_antialias_up,
        )
    return init_weights(net, init_type, init_gain)


def define_D(
    input_nc: int,
    ndf: int,
    netD: str,
    n_layers_D: int = 3,
    norm: str = "instance",
    init_type: str = "xavier",
    init_gain: float = 0.02,
    no_antialias: bool = False,
) -> nn.Module:
    """Build a discriminator: (N, input_nc, H, W) -> a map of scores (N, 1, H', W')."""
    if netD == "pixel":
        net: nn.Module = PixelDiscriminator(input_nc, ndf, norm_layer(norm))
    else:
        layers = n_layers_D if netD == "n_layers" else 3
        net = NLayerDiscriminator(input_nc, ndf, layers, norm_layer(norm), antialias=not no_antialias)
    return init_weights(net, init_type, init_gain)


def define_F(
    channels: list[int], netF: str, nc: int = 256, init_type: str = "xavier", init_gain: float = 0.02
) -> PatchSampleF:
    """Build the projection H of features with these channel counts, one a tapped layer."""
    net = PatchSampleF(channels, use_mlp=netF == "mlp_sample", nc=nc)
    return init_weights(net, init_type, init_gain)
