"""Networks: sizes in and out, taps, initialization. tests/upstream compares them with CUT's."""

import math

import pytest
import torch
from torch import nn

from models.networks import define_D, define_F, define_G
from models.networks.context import ImageSummary, context_of
from models.networks.infer_flags import infer_flags
from models.networks.layers import NORMS, Downsample, InstanceNorm2d, Upsample, norm_layer
from models.networks.padding import apply_padded


def generator(netG: str = "resnet_4blocks", ngf: int = 4, norm: str = "instance", **keywords) -> nn.Module:
    return define_G(3, 3, ngf, netG, norm, init_gain=1.0, **keywords)


SIZES = {"resnet_9blocks": 64, "resnet_6blocks": 32, "resnet_4blocks": 36, "unet_128": 128, "unet_256": 256}


@pytest.mark.parametrize(("netG", "size"), SIZES.items())
def test_generator_keeps_the_size(netG, size):
    out = generator(netG, 2)(torch.randn(2, 3, size, size))  # two images: one has no variance at 1x1
    assert out.shape == (2, 3, size, size) and out.abs().max() <= 1


@pytest.mark.parametrize("no_antialias", [False, True])
def test_discriminator_judges_patches_of_70x70(no_antialias):
    """30x30 scores of 256x256 images, as in pix2pix; each sees 70 pixels without the blur's further ones."""
    net = define_D(3, 4, "basic", norm="none", init_gain=1.0, no_antialias=no_antialias).eval()
    images = torch.randn(1, 3, 256, 256, requires_grad=True)
    scores = net(images)
    assert scores.shape == (1, 1, 30, 30)
    scores[0, 0, 15, 15].backward()
    seen = (images.grad[0, 0].abs().sum(0) > 0).sum().item()
    assert seen == 70 if no_antialias else seen > 70


def test_instance_norm_is_that_of_torch():
    x = torch.randn(2, 5, 9, 7, dtype=torch.float64) * 3 + 1
    assert torch.allclose(InstanceNorm2d()(x), nn.InstanceNorm2d(5).double()(x), atol=1e-12)


def test_downsample_and_upsample_by_hand():
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 16.0
    expected = torch.tensor([[0.0, 0, 0], [0, 4, 0], [0, 0, 0]])
    assert torch.equal(Downsample(1)(x)[0, 0], expected)
    # The filter [1 3 3 1] / 4 in each direction, of zeros between pixels, with edges repeated.
    filt = torch.tensor([1.0, 3, 3, 1]) / 4
    x = torch.randn(1, 1, 4, 4)
    padded = nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    full = nn.functional.conv_transpose2d(padded, torch.outer(filt, filt)[None, None], stride=2)
    assert torch.allclose(Upsample(1)(x), full[..., 3:-3, 3:-3], atol=1e-6)


@pytest.mark.parametrize("no_antialias", [False, True])
@pytest.mark.parametrize("encode_only", [False, True])
def test_generator_returns_the_outputs_of_tapped_layers(no_antialias, encode_only):
    """Without antialiasing tap 8 is a norm, and the in-place ReLU after it overwrites the feature, as in CUT."""
    net, images, taps = generator(no_antialias=no_antialias), torch.randn(1, 3, 32, 32), [0, 4, 8, 12]
    seen: dict[int, torch.Tensor] = {}
    handles = [net.model[tap].register_forward_hook(lambda m, i, out, tap=tap: seen.update({tap: out})) for tap in taps]
    painted = net(images)
    for handle in handles:
        handle.remove()
    answer = net(images, taps, encode_only=encode_only)
    features = answer if encode_only else answer[1]
    assert all(torch.equal(feature, seen[tap]) for feature, tap in zip(features, taps, strict=True))
    assert encode_only or torch.equal(answer[0], painted)
    assert [f.shape[1] for f in features] == net.tap_channels(taps)


@pytest.mark.parametrize("size", [(32, 48), (256, 256), (16, 20)])
def test_padding_leaves_multiples_of_4_alone(size):
    net, images = generator(), torch.rand(1, 3, *size) * 2 - 1
    assert torch.equal(apply_padded(net, images), net(images))


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (33, 31), (129, 3)])
def test_padding_takes_any_size(size):
    assert apply_padded(generator(), torch.zeros(1, 3, *size)).shape == (1, 3, *size)


def test_padding_reflects():
    class Spy(nn.Module):
        size_multiple = 8

        def forward(self, images):
            self.seen = images
            return images

    spy, images = Spy(), torch.randn(1, 3, 21, 18)
    assert torch.equal(apply_padded(spy, images), images)
    assert torch.equal(spy.seen, nn.functional.pad(images, (0, 6, 0, 3), mode="reflect"))


@pytest.mark.parametrize(("init_type", "gain"), [("normal", 0.5), ("xavier", 2.0), ("kaiming", 1.0)])
def test_init_gives_weights_the_spread_of_its_type(init_type, gain):
    weight = define_G(3, 3, 64, "resnet_4blocks", init_type=init_type, init_gain=gain).model[12].conv_block[1].weight
    fan = 256 * 9
    expected = {"normal": gain, "xavier": gain * math.sqrt(2 / (2 * fan)), "kaiming": math.sqrt(2 / fan)}[init_type]
    assert weight.std().item() == pytest.approx(expected, rel=0.02)


def test_init_makes_weights_orthogonal():
    weight = define_D(3, 8, "basic", init_type="orthogonal", init_gain=0.5).model[0].weight.flatten(1)
    assert torch.allclose(weight @ weight.T, torch.eye(8) * 0.25, atol=1e-5)


def test_patch_sample_by_hand():
    net = define_F([6], "mlp_sample", 16, init_gain=1.0)  # few hidden units may all be dead, and then the vector is 0
    feature, patch_ids = torch.randn(2, 6, 3, 4), [torch.tensor([11, 0, 5])]
    (out,) = net([feature], patch_ids)
    x = feature[1, :, 5 // 4, 5 % 4]
    x = net.mlp_0[2](torch.relu(net.mlp_0[0](x)))
    assert x.norm() > 0
    assert torch.allclose(out[1, 2], x / (x.norm() + 1e-7), atol=1e-6)
    (plain,) = define_F([6], "sample")([feature], patch_ids)
    assert torch.allclose(plain[0, 0], feature[0, :, 2, 3] / feature[0, :, 2, 3].norm(), atol=1e-6)


def test_layer_norm_keeps_what_all_channels_share_and_instance_norm_does_not():
    x = torch.randn(2, 6, 9, 7, dtype=torch.float64)
    layer = norm_layer("layer")(6).double()
    nn.init.normal_(layer.weight)
    expected = torch.stack([(one - one.mean()) / (one.var(correction=0) + 1e-5).sqrt() for one in x])
    expected = expected * layer.weight[:, None, None] + layer.bias[:, None, None]
    assert torch.allclose(layer(x), expected, atol=1e-12)
    brighter = x + torch.tensor([5.0, 0, 0, 0, 0, 0])[:, None, None]  # one channel of the whole image
    assert torch.allclose(InstanceNorm2d()(x), InstanceNorm2d()(brighter))
    assert (layer(x) - layer(brighter)).abs().max() > 0.5


def test_layer_norm_in_steps_is_group_norm_with_its_gradients():
    layer, x = norm_layer("layer")(6).double(), torch.randn(2, 6, 5, 7, dtype=torch.float64, requires_grad=True)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    incoming = torch.randn_like(x)
    outputs = [nn.GroupNorm.forward(layer, x), layer.normalize_in_steps(x)]
    gradients = [torch.autograd.grad(output, [x, layer.weight, layer.bias], incoming) for output in outputs]
    assert torch.allclose(*outputs, atol=1e-12)
    for expected, got in zip(*gradients, strict=True):
        assert torch.allclose(expected, got, atol=1e-12)


def test_context_by_hand():
    images = torch.zeros(1, 3, 16, 24)
    images[:, 0, :8], images[:, 1, 8:] = 1.0, 1.0  # red above, green below
    height, square, local, luma, mean, deviation = context_of(images)[0]
    assert torch.allclose(height[:, 5], torch.linspace(-1, 1, 16)) and torch.equal(square, height**2)
    assert torch.allclose(luma[:8], torch.tensor(0.299)) and torch.allclose(luma[8:], torch.tensor(0.587))
    assert torch.allclose(mean, torch.tensor(0.443)) and torch.allclose(deviation, torch.tensor(0.144))
    assert local[0, 0] == pytest.approx(0.299) and local[-1, -1] == pytest.approx(0.587)
    assert 0.299 < local[7, 0] < local[8, 0] < 0.587 and local.std(1).max() < 1e-6


@pytest.mark.parametrize("size", [(3, 50), (8, 8), (37, 21), (100, 64)])
def test_local_lightness_is_that_of_adaptive_pooling(size):
    luma = torch.rand(2, 1, *size)
    assert torch.allclose(ImageSummary(luma).grid, nn.functional.adaptive_avg_pool2d(luma, 8), atol=1e-6)


def test_generator_with_context_tells_above_from_below_and_light_from_dark():
    """Two flat images, which a plain generator with instance norm cannot tell apart."""
    torch.manual_seed(1)
    plain, aware = generator(), generator(context=True)
    gray = torch.zeros(1, 3, 32, 32)
    outputs = {net: [net(gray), net(gray + 0.5)] for net in (plain, aware)}
    assert torch.allclose(*outputs[plain], atol=1e-5) and (outputs[aware][0] - outputs[aware][1]).abs().max() > 0.01
    rows = [outputs[net][0].mean((0, 1, 3)) for net in (plain, aware)]
    assert rows[0].std() < 1e-5 and rows[1].std() > 1e-3
    state = aware.state_dict()
    assert plain.state_dict().keys() == {key for key in state if not key.startswith("context.")}


@pytest.mark.parametrize("taps", [[0, 4, 8, 12], [-1]])
def test_generator_with_context_gives_the_same_features_with_and_without_images(taps):
    net, images = generator(context=True), torch.randn(2, 3, 32, 36)
    together, features = net(images, taps)
    assert torch.equal(together, net(images)) and together.shape == images.shape
    alone = net(images, taps, encode_only=True)
    assert [f.shape for f in features] == [f.shape for f in alone]
    assert all(torch.equal(one, other) for one, other in zip(features[:-1], alone[:-1], strict=True))
    assert apply_padded(net, torch.randn(1, 3, 17, 41)).shape == (1, 3, 17, 41)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("context", [False, True])
def test_flags_of_a_generator_are_inferred_from_its_weights(norm, context):
    flags = infer_flags("G", generator("resnet_6blocks", 8, norm, context=context, no_antialias=True).state_dict())
    assert (flags["normG"], flags["context"], flags["netG"], flags["ngf"]) == (norm, context, "resnet_6blocks", 8)
    assert flags["no_antialias"] and not flags["no_antialias_up"] and flags["output_nc"] == 3
