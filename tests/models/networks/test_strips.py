"""A generator on strips of an image is the generator on the whole of it."""

import pytest
import torch
from skimage import data

from models.networks import define_G, strips
from models.networks.context import ImageSummary, context_of, context_of_part
from models.networks.padding import apply_padded
from models.networks.strips import apply_in_strips

PHOTO = torch.from_numpy(data.camera() / 127.5 - 1).float()[None, None]
KINDS = {"CUT": {}, "best": {"norm": "layer", "context": True}, "none": {"norm": "none"}, "batch": {"norm": "batch"},
         "plain": {"no_antialias": True, "no_antialias_up": True}}  # fmt: skip


def generator(kind: str) -> torch.nn.Module:
    return define_G(3, 3, 6, "resnet_4blocks", init_gain=1, **KINDS[kind]).eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "rows"), [((160, 96), 32), ((93, 130), 16), ((61, 30), 64), ((20, 500), 8)])
def test_strips_are_the_whole_image(kind, size, rows):
    net, luma = generator(kind), PHOTO[..., 100 : 100 + size[0], : size[1]]
    norms_before = [vars(module).copy() for module in net.modules()]
    with torch.no_grad():
        whole = apply_padded(net, luma.expand(-1, 3, -1, -1))
    assert (apply_in_strips(net, luma, rows) - whole).abs().max() < 2e-4
    assert [vars(module).keys() for module in net.modules()] == [before.keys() for before in norms_before]


def test_the_margin_is_what_convolutions_need(monkeypatch):
    net, luma = generator("none"), PHOTO[..., :128, :64]
    with torch.no_grad():
        whole = apply_padded(net, luma.expand(-1, 3, -1, -1))
    for margin, is_enough in ((12, True), (8, False)):
        monkeypatch.setattr(strips, "_MARGIN", margin)
        assert torch.allclose(apply_in_strips(net, luma, 32), whole, atol=1e-5) == is_enough


def test_context_of_a_part_is_that_of_the_whole():
    luma = PHOTO[..., :90, :130]
    whole = context_of(luma.expand(-1, 3, -1, -1))
    part = context_of_part(luma[..., 20:60, 30:95], ImageSummary(luma), 20, 30)
    assert torch.allclose(part, whole[..., 20:60, 30:95], atol=1e-6)
