"""Losses and gradients of a step in float64, against a slow twin written from the papers, and finite differences."""

import copy
import itertools

import pytest
import torch

from data import create_dataset
from models import create_model
from models.color_losses import color_variance, to_grayscale, total_variation
from models.networks.patch_sample import PatchSampleF
from options.train_options import TrainOptions
from util.checkpoint import seed_everything

FLAGS = ("--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --netF_nc 32 --num_patches 16 "
         "--num_threads 0 --nce_layers 0,4,8,12 --seed 1 --init_gain 1")  # fmt: skip
MODELS = {
    "CUT": "--model cut",
    "FastCUT": "--model cut --CUT_mode FastCUT",
    "ColorCUT": "--model colorcut --lambda_TV 0.3 --lambda_l1 2 --lambda_Var 0.4",
    "plain convolutions": "--model cut --no_antialias --no_antialias_up --normG none",
    "batch norm": "--model cut --normG batch --normD batch",
    "negatives of the batch": "--model cut --nce_includes_all_negatives_from_minibatch",
    "ColorCUT in FastCUT's mode": "--model colorcut --CUT_mode FastCUT --lambda_TV 0.3",
    "identity of grey": "--model colorcut --idt_input gray --lambda_l1 2",
    "identity of grey, flipped": "--model colorcut --idt_input gray --lambda_l1 2 --flip_equivariance",
    "identity of grey without L1": "--model colorcut --idt_input gray --lambda_l1 0",
}
WEIGHTS = {"TV": 0.3, "l1": 2, "Var": 0.4}
for kept in [*itertools.combinations(WEIGHTS, 1), *itertools.combinations(WEIGHTS, 2)]:
    flags = " ".join(f"--lambda_{term} {weight if term in kept else 0}" for term, weight in WEIGHTS.items())
    MODELS[f"ColorCUT's {' and '.join(kept)}"] = f"--model colorcut {flags}"


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / (x.norm() + 1e-7)


class Twin:
    """One iteration picture by picture, place by place; the nets that make the keys are frozen copies."""

    def __init__(self, model, flipped: bool):
        self.opt, self.flipped, self.model = model.opt, flipped, model
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

    def nce(self, source, target, places) -> torch.Tensor:
        keys, queries = self.features(self.G0, source), self.features(self.G, target)
        layers = []
        for number, (key, query) in enumerate(zip(keys, queries, strict=True)):
            query = query.flip(3) if self.flipped else query
            H, H0 = (net.get_submodule(f"mlp_{number}") for net in (self.F, self.F0))
            k = [[unit(H0(one.flatten(1)[:, place])) for place in places[number]] for one in key]
            q = [[unit(H(one.flatten(1)[:, place])) for place in places[number]] for one in query]
            for n, i in itertools.product(range(len(q)), range(len(q[0]))):
                own = (q[n][i] * k[n][i].detach()).sum() / 0.07
                others = (
                    [one for picture in k for one in picture]
                    if self.opt.nce_includes_all_negatives_from_minibatch
                    else k[n]
                )
                scores = torch.stack([(q[n][i] * other.detach()).sum() / 0.07 for other in others])
                layers.append((scores.logsumexp(0) - own) / (len(q) * len(q[0]) * len(keys)))
        return torch.stack(layers).sum()

    def losses(self) -> dict[str, torch.Tensor]:
        """D's and G's losses from the current weights."""
        opt = self.opt
        X, Y = (images.flip(3) if self.flipped else images for images in (self.X, self.Y))
        batched = opt.normG == "batch"
        # Pictures of a batch see each other through batch norm only; there X and Y go together, as in CUT.
        both = self.G(torch.cat([X, Y] if opt.nce_idt else [X])) if batched else None
        fake = both[: len(X)] if batched else self.G(X)
        D_loss = (self.D(fake.detach()) ** 2).mean() / 2 + ((self.D(self.Y) - 1) ** 2).mean() / 2
        G_loss = opt.lambda_GAN * ((self.D(fake) - 1) ** 2).mean()
        keys = self.features(self.G0, self.X)
        torch.manual_seed(7)
        nce = self.nce(self.X, fake, PatchSampleF.draw_places(keys, opt.num_patches))
        if opt.nce_idt:
            grey = getattr(opt, "idt_input", "color") == "gray"
            idt = both[len(X) :] if batched else self.G(to_grayscale(Y) if grey else Y)
            source = to_grayscale(self.Y) if grey else self.Y
            nce = (nce + self.nce(source, idt, PatchSampleF.draw_places(keys, opt.num_patches))) / 2
        G_loss = G_loss + opt.lambda_NCE * nce
        if opt.model == "colorcut":
            G_loss = G_loss + self.color_terms(fake)
        return {"D": D_loss, "G": G_loss}

    def color_terms(self, fake) -> torch.Tensor:
        """In units of the style, whose only pictures so far are this batch's."""
        opt = self.opt
        tv = total_variation(fake).mean() / total_variation(self.Y).mean()
        if opt.idt_input == "gray" and self.flipped:  # G is not equivariant to flips: its picture is the flipped one's
            l1 = (self.G(to_grayscale(self.Y).flip(3)) - self.Y.flip(3)).abs().mean()
        else:
            l1 = (self.G(to_grayscale(self.Y)) - self.Y).abs().mean()
        ratio = color_variance(fake) / color_variance(self.Y).mean(0)
        var = torch.stack([min(a, b, torch.ones_like(a)) for a, b in ratio]).mean()
        return opt.lambda_TV * tv + opt.lambda_l1 * l1 - opt.lambda_Var * var

    def gradients(self) -> dict[str, list[torch.Tensor]]:
        losses = self.losses()
        of = {"D": (losses["D"], self.D), "G": (losses["G"], self.G), "F": (losses["G"], self.F)}
        return {name: torch.autograd.grad(loss, list(net.parameters()), retain_graph=True, allow_unused=True)
                for name, (loss, net) in of.items()}  # fmt: skip


def step_model(pictures, name: str, batch_size: int, flipped: bool):
    """A model in float64 with one batch taken."""
    opt = TrainOptions(f"--dataroot {pictures} {FLAGS} {MODELS[name]} --batch_size {batch_size}").parse()
    seed_everything(3)
    model = create_model(opt)
    for net in model.networks().values():
        net.double()
    if hasattr(model, "style_sums"):
        model.style_sums = model.style_sums.double()
    batch = next(iter(create_dataset(opt)))
    model.set_input({**batch, "A": batch["A"].double(), "B": batch["B"].double()})
    model.flipped_for_equivariance = flipped
    twin = Twin(model, flipped)
    model.forward()
    return model, twin


CASES = [(name, size, False) for name in MODELS for size in (1, 2)] + [("FastCUT", 1, True), ("FastCUT", 2, True)]
CASES += [("ColorCUT in FastCUT's mode", 2, True), ("identity of grey, flipped", 1, True),
          ("identity of grey, flipped", 2, True)]  # fmt: skip


@pytest.mark.parametrize(("name", "batch_size", "flipped"), CASES)
def test_losses_and_gradients_are_those_of_the_twin(pictures, name, batch_size, flipped):
    model, twin = step_model(pictures, name, batch_size, flipped)
    loss_D = model.compute_D_loss()
    gradients = {"D": torch.autograd.grad(loss_D, list(model.netD.parameters()))}
    torch.manual_seed(7)
    loss_G = model.compute_G_loss()
    for letter in "GF":
        parameters = list(model.networks()[letter].parameters())
        gradients[letter] = torch.autograd.grad(loss_G, parameters, retain_graph=True, allow_unused=True)
    expected = twin.losses()
    assert loss_D.item() == pytest.approx(expected["D"].item(), rel=1e-10)
    assert loss_G.item() == pytest.approx(expected["G"].item(), rel=1e-10)
    for letter, twins in twin.gradients().items():
        scale = max(g.abs().max() for g in twins if g is not None)
        for ours, theirs in zip(gradients[letter], twins, strict=True):
            assert (ours is None) == (theirs is None)
            assert ours is None or (ours - theirs).abs().max() <= 1e-10 * scale


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ["CUT", "FastCUT", "ColorCUT"])
def test_gradients_are_slopes(pictures, name, batch_size):
    """Along each network's own gradient the loss rises by the gradient's norm: central differences of the twin."""
    _, twin = step_model(pictures, name, batch_size, False)
    for letter, gradient in twin.gradients().items():
        parameters = list(getattr(twin, letter).parameters())
        gradient = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradient, strict=True)]
        norm = torch.cat([g.flatten() for g in gradient]).norm()
        values = []
        with torch.no_grad():
            for step in (1e-6, -2e-6):
                for p, g in zip(parameters, gradient, strict=True):
                    p += step * g / norm
                values.append(twin.losses()["D" if letter == "D" else "G"].item())
            for p, g in zip(parameters, gradient, strict=True):
                p += 1e-6 * g / norm
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(norm.item(), rel=1e-3)
