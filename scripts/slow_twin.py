"""Train as train.py does, with its flags, but take each step the plain way, in float64: slow_twin.py FLAGS OF train.py.

This is what the joined passes of training are measured against. Here nothing is joined: each picture goes through a
network alone, once for each purpose, and losses are written from the papers. For the same seed the first weights, the
pictures and the places compared are those of train.py, and so are the files: test.py and evaluate.py take them.
"""

import sys
from argparse import Namespace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import train
from models import BaseModel, find_model
from models.color_losses import color_variance, to_grayscale, total_variation
from models.networks.patch_sample import PatchSampleF
from util.errors import UserError, run

# What the plain step has formulas for; pictures that see each other through a norm cannot go alone.
COVERED = {
    "model": ("cut", "colorcut"), "normG": ("instance", "none"), "normD": ("instance", "none"), "no_dropout": (True,),
    "netF": ("mlp_sample",), "nce_includes_all_negatives_from_minibatch": (False,), "gan_mode": ("lsgan",),
    "lambda_gp": (0,), "term_units": ("style",), "l1_target": ("color",), "idt_input": ("color",),
    "accumulate": (1,), "amp": ("off", None), "fast": (False,), "cuda_graph": (False,),
}  # fmt: skip


def create_twin(opt: Namespace) -> BaseModel:
    """Build the model that the options name, with the plain step.

    Raises:
        UserError: if an option has a value that the plain step does not cover.
    """
    for flag, values in COVERED.items():
        value = getattr(opt, flag, values[0])
        if value not in values:
            raise UserError(f"--{flag} {value}: the slow twin covers {' and '.join(map(str, values))} only")
    return type("SlowTwin", (PlainStep, find_model(opt.model)), {})(opt)


def in_turn(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return pictures (N, 3, H, W) one by one: (1, 3, H, W)."""
    return images.split(1)


def mean(losses: list[torch.Tensor]) -> torch.Tensor:
    """Return the mean of a list of numbers ()."""
    return torch.stack(losses).mean()


class PlainStep:
    """Goes before CUTModel or ColorCUTModel and replaces the step; all else of a run is theirs."""

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        for net in self.networks().values():
            net.double()  # after they were drawn, so that they are those of train.py
        self.colors = opt.model == "colorcut"
        if self.colors:
            self.style_sums = self.style_sums.double()

    def set_input(self, input: dict) -> None:
        """Take a batch in float64."""
        super().set_input({key: value.double() if torch.is_tensor(value) else value for key, value in input.items()})

    def optimize_parameters(self) -> None:
        """Take one step: D first, then G and F together."""
        opt = self.opt
        self.fake_B = self.paint(self.real_A)
        if self.use_idt:
            self.idt_B = self.paint(self.real_B)

        if self.use_GAN:
            self.loss_D_fake = self.distance_to(0, self.fake_B.detach())
            self.loss_D_real = self.distance_to(1, self.real_B)
            self.optimizer_D.zero_grad()
            ((self.loss_D_fake + self.loss_D_real) / 2).backward()
            self.optimizer_D.step()

        terms = []
        if self.use_GAN:
            self.loss_G_GAN = self.distance_to(1, self.fake_B)
            terms.append(opt.lambda_GAN * self.loss_G_GAN)
        if self.use_NCE:
            self.loss_NCE = self.contrast(self.real_A, self.fake_B)
            share = 0.5 if self.use_idt else 1.0
            terms.append(share * opt.lambda_NCE * self.loss_NCE)
        if self.use_idt:
            self.loss_NCE_Y = self.contrast(self.real_B, self.idt_B)
            terms.append(share * opt.lambda_NCE * self.loss_NCE_Y)
        if self.colors:
            terms += self.color_terms()
        self.loss_G = sum(terms)
        generators = [self.optimizer_G] + [self.optimizer_F] * self.use_NCE
        for optimizer in generators:
            optimizer.zero_grad()
        self.loss_G.backward()
        for optimizer in generators:
            optimizer.step()

    def paint(self, images: torch.Tensor) -> torch.Tensor:
        """Return G(x) for each of (N, 3, H, W), flipped before in a flipped iteration."""
        return torch.cat([self.netG(one.flip(3) if self.flipped_for_equivariance else one) for one in in_turn(images)])

    def distance_to(self, target: float, images: torch.Tensor) -> torch.Tensor:
        """Return E (D(x) - target)^2 over pictures (N, 3, H, W): least squares, as in Mao et al. 2017."""
        return mean([((self.netD(one) - target) ** 2).mean() for one in in_turn(images)])

    def contrast(self, sources: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return PatchNCE (Park et al. 2020, eq. 3 and 4) of N pairs of pictures: the mean of pairs, layers, places."""
        losses, places = [], None
        for source, target in zip(in_turn(sources), in_turn(targets), strict=True):
            with torch.no_grad():
                keys = self.netG(source, self.nce_layers, encode_only=True)
            queries = self.netG(target, self.nce_layers, encode_only=True)
            places = places or PatchSampleF.draw_places(keys, self.opt.num_patches)
            for number, (key, query, place) in enumerate(zip(keys, queries, places, strict=True)):
                with torch.no_grad():
                    k = self.project(number, key, place)
                q = self.project(number, query.flip(3) if self.flipped_for_equivariance else query, place)
                scores = q @ k.T / self.opt.nce_T
                losses.append((scores.logsumexp(1) - scores.diagonal()).mean())
        return mean(losses)

    def project(self, number: int, feature: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (P, nc) of a feature (1, C, H, W) at places (P,)."""
        vectors = self.netF.get_submodule(f"mlp_{number}")(feature[0].flatten(1)[:, place].T)
        return vectors / (vectors.norm(dim=1, keepdim=True) + 1e-7)

    def _see_style(self) -> None:
        """Add to the reference of the units, as ColorCUTModel.set_input asks: sums of TV, Var[a], Var[b]; a count."""
        pixels = self.real_B.shape[2] * self.real_B.shape[3]
        for one in in_turn(self.real_B):
            self.style_sums[0] += total_variation(one, self.opt.tv_beta)[0] / pixels
            self.style_sums[1:3] += color_variance(one)[0]
            self.style_sums[3] += 1

    def color_terms(self) -> list[torch.Tensor]:
        """Return the weighted terms of ColorCUT, of which a weight of 0 leaves none."""
        opt, terms = self.opt, []
        style = self.style_sums[:3] / self.style_sums[3]
        variation, variances = style[0].clamp_min(1e-4), style[1:].clamp_min(1)
        fakes = in_turn(self.fake_B)
        if opt.lambda_TV != 0:
            pixels = self.fake_B.shape[2] * self.fake_B.shape[3]
            self.loss_TV = mean([total_variation(one, opt.tv_beta)[0] / pixels / variation for one in fakes])
            terms.append(opt.lambda_TV * self.loss_TV)
        if opt.lambda_l1 != 0:
            self.rec_B = torch.cat([self.netG(to_grayscale(one)) for one in in_turn(self.real_B)])
            self.loss_l1 = (self.rec_B - self.real_B).abs().mean()
            terms.append(opt.lambda_l1 * self.loss_l1)
        if opt.lambda_Var != 0:
            shares = [color_variance(one)[0] / variances for one in fakes]
            self.loss_Var = mean([min(a, b, torch.ones_like(a)) for a, b in shares])
            terms.append(-opt.lambda_Var * self.loss_Var)
        return terms


def main() -> None:
    """Train with the plain step."""
    train.create_model = create_twin
    train.main()


if __name__ == "__main__":
    run(main)
