"""CUT and ColorCUT in float64: losses and gradients against a slow reference and finite differences."""

import copy
import itertools

import pytest
import torch

from models.color_losses import color_variance, to_grayscale, total_variation
from models.cut_model import CUTModel
from models.networks.patch_sample import PatchSampleF
from tests.helpers.build import build_with_batch
from tests.helpers.flags import CUT
from tests.helpers.reference import gradients

MODELS = {
    "CUT": "--model cut",
    "FastCUT": "--model cut --CUT_mode FastCUT",
    "ColorCUT": "--model colorcut --lambda_TV 0.3 --lambda_l1 2 --lambda_Var 0.4",
    "plain convolutions": "--model cut --no_antialias --no_antialias_up --normG none",
    "batch norm": "--model cut --normG batch --normD batch",
    "negatives of the batch": "--model cut --nce_includes_all_negatives_from_minibatch",
    "ColorCUT in FastCUT's mode": "--model colorcut --CUT_mode FastCUT --lambda_TV 0.3",
    "gray identity": "--model colorcut --idt_input gray --lambda_l1 2",
    "gray identity, flipped": "--model colorcut --idt_input gray --lambda_l1 2 --flip_equivariance",
    "gray identity without L1": "--model colorcut --idt_input gray --lambda_l1 0",
}
WEIGHTS = {"TV": 0.3, "l1": 2, "Var": 0.4}
for kept in [*itertools.combinations(WEIGHTS, 1), *itertools.combinations(WEIGHTS, 2)]:
    flags = " ".join(f"--lambda_{term} {weight if term in kept else 0}" for term, weight in WEIGHTS.items())
    MODELS[f"ColorCUT with {' and '.join(kept)}"] = f"--model colorcut {flags}"


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / (x.norm() + 1e-7)


class Reference:
    """One iteration, image by image and patch by patch; the networks that make the keys are frozen copies."""

    def __init__(self, model, flipped: bool):
        self.opt, self.flipped = model.opt, flipped
        self.G, self.D, self.F = (copy.deepcopy(net) for net in (model.netG, model.netD, model.netF))
        self.G0, self.F0 = copy.deepcopy(model.netG), copy.deepcopy(model.netF)
        self.X, self.Y = model.real_A, model.real_B

    def features(self, G, images) -> list[torch.Tensor]:
        taps, out = [int(tap) for tap in self.opt.nce_layers.split(",")], []
        for number, layer in enumerate(G.model[: taps[-1] + 1]):
            images = layer(images)  # in place where the network works in place: that is what CUT's tap sees
            if number in taps:
                out.append(images)
        return out

    def nce(self, source, target, patch_ids) -> torch.Tensor:
        keys, queries = self.features(self.G0, source), self.features(self.G, target)
        layers = []
        for number, (key, query) in enumerate(zip(keys, queries, strict=True)):
            query = query.flip(3) if self.flipped else query
            H, H0 = (net.get_submodule(f"mlp_{number}") for net in (self.F, self.F0))
            k = [[unit(H0(one.flatten(1)[:, patch])) for patch in patch_ids[number]] for one in key]
            q = [[unit(H(one.flatten(1)[:, patch])) for patch in patch_ids[number]] for one in query]
            whole_batch = [one for image in k for one in image]
            for n, i in itertools.product(range(len(q)), range(len(q[0]))):
                own = (q[n][i] * k[n][i].detach()).sum() / 0.07
                others = whole_batch if self.opt.nce_includes_all_negatives_from_minibatch else k[n]
                scores = torch.stack([(q[n][i] * other.detach()).sum() / 0.07 for other in others])
                layers.append((scores.logsumexp(0) - own) / (len(q) * len(q[0]) * len(keys)))
        return torch.stack(layers).sum()

    def losses(self) -> dict[str, torch.Tensor]:
        """D's and G's losses from the current weights."""
        opt = self.opt
        X, Y = (images.flip(3) if self.flipped else images for images in (self.X, self.Y))
        batched = opt.normG == "batch"
        # Images of a batch influence each other through batch norm only; there X and Y share a pass, as in CUT.
        both = self.G(torch.cat([X, Y] if opt.nce_idt else [X])) if batched else None
        fake = both[: len(X)] if batched else self.G(X)
        D_loss = (self.D(fake.detach()) ** 2).mean() / 2 + ((self.D(self.Y) - 1) ** 2).mean() / 2
        G_loss = opt.lambda_GAN * ((self.D(fake) - 1) ** 2).mean()
        keys = self.features(self.G0, self.X)
        torch.manual_seed(7)
        nce = self.nce(self.X, fake, PatchSampleF.sample_patch_ids(keys, opt.num_patches))
        if opt.nce_idt:
            gray = getattr(opt, "idt_input", "color") == "gray"
            idt = both[len(X) :] if batched else self.G(to_grayscale(Y) if gray else Y)
            source = to_grayscale(self.Y) if gray else self.Y
            nce = (nce + self.nce(source, idt, PatchSampleF.sample_patch_ids(keys, opt.num_patches))) / 2
        G_loss = G_loss + opt.lambda_NCE * nce
        if opt.model == "colorcut":
            G_loss = G_loss + self.color_terms(fake)
        return {"D": D_loss, "G": G_loss}

    def color_terms(self, fake) -> torch.Tensor:
        """In units of the style, whose only images so far are those of this batch."""
        opt = self.opt
        tv = total_variation(fake).mean() / total_variation(self.Y).mean()
        if opt.idt_input == "gray" and self.flipped:  # G is not equivariant to flips
            l1 = (self.G(to_grayscale(self.Y).flip(3)) - self.Y.flip(3)).abs().mean()
        else:
            l1 = (self.G(to_grayscale(self.Y)) - self.Y).abs().mean()
        ratio = color_variance(fake) / color_variance(self.Y).mean(0)
        var = torch.stack([min(a, b, torch.ones_like(a)) for a, b in ratio]).mean()
        return opt.lambda_TV * tv + opt.lambda_l1 * l1 - opt.lambda_Var * var

    def gradients(self) -> dict[str, list[torch.Tensor]]:
        losses = self.losses()
        parts = {"D": (losses["D"], self.D), "G": (losses["G"], self.G), "F": (losses["G"], self.F)}
        return {name: gradients(loss, net) for name, (loss, net) in parts.items()}


def with_reference(dataroot, name: str, batch_size: int, flipped: bool):
    """A model after `forward`, and its reference."""
    model = build_with_batch(dataroot, f"{CUT} --netF_nc 32 {MODELS[name]} --batch_size {batch_size}")
    model.flipped_for_equivariance = flipped
    reference = Reference(model, flipped)
    model.forward()
    return model, reference


CASES = [(name, size, False) for name in MODELS for size in (1, 2)]
CASES += [(name, size, True) for name in ("FastCUT", "gray identity, flipped") for size in (1, 2)]
CASES += [("ColorCUT in FastCUT's mode", 2, True)]
QUICK = {"CUT", "ColorCUT", "batch norm", "gray identity, flipped"}


@pytest.mark.parametrize(("name", "batch_size", "flipped"), [
    pytest.param(*case, marks=[] if case[0] in QUICK else pytest.mark.slow) for case in CASES
])  # fmt: skip
def test_cut_losses_and_gradients_are_those_of_the_reference(dataroot, name, batch_size, flipped):
    model, reference = with_reference(dataroot, name, batch_size, flipped)
    loss_D = model.compute_D_loss()
    ours = {"D": gradients(loss_D, model.netD)}
    torch.manual_seed(7)
    loss_G = model.compute_G_loss()
    ours |= {"G": gradients(loss_G, model.netG), "F": gradients(loss_G, model.netF)}
    expected = reference.losses()
    assert loss_D.item() == pytest.approx(expected["D"].item(), rel=1e-10)
    assert loss_G.item() == pytest.approx(expected["G"].item(), rel=1e-10)
    for letter, theirs in reference.gradients().items():
        scale = max(gradient.abs().max() for gradient in theirs if gradient is not None)
        for one, other in zip(ours[letter], theirs, strict=True):
            assert (one is None) == (other is None)
            assert one is None or (one - other).abs().max() <= 1e-10 * scale


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ["CUT", "FastCUT", "ColorCUT"])
def test_cut_reference_has_gradients_that_are_slopes(dataroot, name, batch_size):
    """Along the gradient of a network the loss rises by the norm of that gradient: central differences."""
    _, reference = with_reference(dataroot, name, batch_size, False)
    for letter, gradient in reference.gradients().items():
        parameters = list(getattr(reference, letter).parameters())
        gradient = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradient, strict=True)]
        norm = torch.cat([g.flatten() for g in gradient]).norm()
        values = []
        with torch.no_grad():
            for step in (1e-6, -2e-6):
                for p, g in zip(parameters, gradient, strict=True):
                    p += step * g / norm
                values.append(reference.losses()["D" if letter == "D" else "G"].item())
            for p, g in zip(parameters, gradient, strict=True):
                p += 1e-6 * g / norm
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(norm.item(), rel=1e-3)


@pytest.mark.parametrize("flags", ["--model cut", "--model cut --batch_size 2", "--model cut --CUT_mode FastCUT"])
def test_cut_calls_a_calculate_nce_loss_of_a_subclass_for_each_pair(dataroot, flags):
    """And each pair alone has the loss that it has in the pass that both pairs share."""
    pairs = []

    class PairByPair(CUTModel):
        def calculate_NCE_loss(self, src, tgt):
            pairs.append((src, tgt))
            return super().calculate_NCE_loss(src, tgt)

    joined, apart = (build_with_batch(dataroot, f"{CUT} {flags}", kind) for kind in (CUTModel, PairByPair))
    losses = []
    for model in (joined, apart):
        torch.manual_seed(7)
        model.forward()
        model.compute_G_loss()
        losses.append({name: loss.item() for name, loss in model.losses().items()})
    expected = [(apart.real_A, apart.fake_B)] + ([(apart.real_B, apart.idt_B)] if apart.use_idt else [])
    assert len(pairs) == len(expected)
    assert all(src is source and tgt is target for (src, tgt), (source, target) in zip(pairs, expected, strict=True))
    assert losses[0] == pytest.approx(losses[1], rel=1e-12) and "NCE" in losses[0]
    for net in ("netG", "netF"):
        ours, theirs = (gradients(model.loss_G, getattr(model, net)) for model in (joined, apart))
        scale = max(gradient.abs().max() for gradient in theirs)
        assert all((one - other).abs().max() <= 1e-12 * scale for one, other in zip(ours, theirs, strict=True))
