"""Train as train.py does, but take each step in the plainest way, in float64.

    python -m scripts.proof.reference_step FLAGS OF train.py

The passes that training shares are measured against this reference step. Here no pass is shared: each image goes
through a network alone, once for each purpose (with batch norm: each batch), and losses are written from the papers.
For the same seed the initial weights, the images and the patch ids are those of train.py. So are the files: test.py and
evaluate.py take them.
"""

from argparse import Namespace

import torch

import train
from models import MODELS, BaseModel
from models.color_losses import color_variance, to_grayscale, total_variation, with_luma_of
from models.networks.patch_sample import PatchSampleF
from util.errors import UsageError, run

# The options that the reference step has formulas for.
COVERED = {
    "model": ("cut", "colorcut"), "no_dropout": (True,), "netF": ("mlp_sample",), "gan_mode": ("lsgan",),
    "lambda_gp": (0,), "term_units": ("style",), "l1_target": ("color",), "accumulate": (1,), "amp": ("off", None),
    "fast": (False,), "cuda_graph": (False,),
}  # fmt: skip


def create_reference(opt: Namespace) -> BaseModel:
    """Build the model that the options name, with the reference step.

    Raises:
        UsageError: if the reference step does not cover the value of an option.
    """
    for flag, values in COVERED.items():
        value = getattr(opt, flag, values[0])
        if value not in values:
            raise UsageError(f"--{flag} {value}: the reference step covers only {' and '.join(map(str, values))}")
    return type("ReferenceModel", (ReferenceStep, MODELS.find(opt.model)), {})(opt)


class ReferenceStep:
    """Comes before CUTModel or ColorCUTModel in the order of bases and replaces the step; all else is theirs."""

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        for net in self.networks().values():
            net.double()  # after initialization, so that the weights are those of train.py
        self.colors = opt.model == "colorcut"
        if self.colors:
            self.style_sums = self.style_sums.double()

    def set_input(self, input: dict) -> None:
        """Take a batch in float64."""
        super().set_input({key: value.double() if torch.is_tensor(value) else value for key, value in input.items()})

    def optimize_parameters(self) -> None:
        """Take one step: D first, then G and F together."""
        pairs = self.paint()
        judged = [fake for fake, _ in pairs]
        if self.use_GAN:
            self.loss_D_fake = sum(self.least_squares(0, fake.detach()) for fake in judged) / len(pairs)
            self.loss_D_real = sum(self.least_squares(1, real) for _, real in pairs) / len(pairs)
            self.optimizer_D.zero_grad()
            ((self.loss_D_fake + self.loss_D_real) / 2).backward()
            self.optimizer_D.step()

        self.loss_G = sum(self.weighted_terms(judged))
        for optimizer in self.generator_optimizers:
            optimizer.zero_grad()
        self.loss_G.backward()
        for optimizer in self.generator_optimizers:
            optimizer.step()

    def paint(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Compute all outputs of G; return those that the GAN loss judges, and what is real to them: (N, 3, H, W)."""
        opt, gray = self.opt, self.colors and self.gray_identity
        self.gray_B = to_grayscale(self.real_B)
        self.outputs: list[torch.Tensor] = []  # of G, one (1, 3, H, W) for each image
        self.identity = self.gray_B if gray else self.real_B
        if opt.normG == "batch" and self.use_idt:  # as in CUT, where X and Y share a batch
            self.fake_B, self.idt_B = self.generate(torch.cat([self.real_A, self.identity])).split(len(self.real_A))
        else:
            self.fake_B = self.generate(self.real_A)
            if self.use_idt:
                self.idt_B = self.generate(self.identity)

        if not self.colors:
            return [(self.fake_B, self.real_B)]
        # With the gray identity that pass serves this image too: it is flipped, and flipped back.
        outputs_of_cut = list(self.outputs)
        self.rec_B = self.flip(self.generate(self.gray_B)) if gray else self.translated(self.gray_B)
        if gray or (opt.lambda_l1 == 0 and not self.judges_rec_B):  # rec_B is idt_B, or not used
            self.outputs = outputs_of_cut
        source, style = (self.fake_B, self.real_B), (self.rec_B, self.real_B)
        if opt.gan_chroma:
            source = tuple(images - to_grayscale(images) for images in source)
        return {"source": [source], "style": [style], "both": [source, style]}[opt.gan_on]

    def weighted_terms(self, judged: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return all terms of the loss of G and F with their weights. Args: judged: outputs of G that D judges."""
        opt, terms = self.opt, []
        if self.use_GAN:
            self.loss_G_GAN = sum(self.least_squares(1, images) for images in judged) / len(judged)
            terms.append(opt.lambda_GAN * self.loss_G_GAN)
        if self.use_NCE:
            self.loss_NCE = self.patch_nce(self.real_A, self.fake_B)
            share = 0.5 if self.use_idt else 1.0
            terms.append(share * opt.lambda_NCE * self.loss_NCE)
        if self.use_idt:
            self.loss_NCE_Y = self.patch_nce(self.identity, self.idt_B)
            terms.append(share * opt.lambda_NCE * self.loss_NCE_Y)
        if self.colors:
            terms += self.color_terms()
        return terms

    def separate(self, images: torch.Tensor, norm: str) -> tuple[torch.Tensor, ...]:
        """Return the images (N, 3, H, W) one by one, or as they are where batch norm lets them influence each other."""
        return (images,) if norm == "batch" else images.split(1)

    def generate(self, images: torch.Tensor) -> torch.Tensor:
        """Return G(x) for each of the images (N, 3, H, W), which a flipped iteration flips first."""
        return self.translated(self.flip(images))

    def translated(self, images: torch.Tensor) -> torch.Tensor:
        """Return G(x) for each of the images (N, 3, H, W), with their luma if --keep_luma says so."""
        outputs = torch.cat([self.netG(part) for part in self.separate(images, self.opt.normG)])
        self.outputs += outputs.split(1)
        return with_luma_of(outputs, images) if self.colors and self.opt.keep_luma else outputs

    def flip(self, images: torch.Tensor) -> torch.Tensor:
        """Return images or features (N, C, H, W), flipped in a flipped iteration."""
        return images.flip(3) if self.flipped_for_equivariance else images

    def least_squares(self, target: float, images: torch.Tensor) -> torch.Tensor:
        """Return E (D(x) - target)^2 over images (N, 3, H, W): the GAN loss of Mao et al. 2017."""
        parts = self.separate(images, self.opt.normD)
        return torch.stack([((self.netD(part) - target) ** 2).mean() for part in parts]).mean()

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the features (N, C, H', W') of the images (N, 3, H, W) in each layer of --nce_layers."""
        parts = self.separate(images, self.opt.normG)
        layers = zip(*(self.netG(part, self.nce_layers, encode_only=True) for part in parts), strict=True)
        return [torch.cat(layer) for layer in layers]

    def patch_nce(self, sources: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return PatchNCE (Park et al. 2020, eq. 3 and 4) of N pairs of images, the mean of all patches."""
        with torch.no_grad():
            keys = self.features(sources)
        queries = map(self.flip, self.features(targets))
        patch_ids = PatchSampleF.sample_patch_ids(keys, self.opt.num_patches)
        losses = []
        for layer, (key, query, ids) in enumerate(zip(keys, queries, patch_ids, strict=True)):
            with torch.no_grad():
                k = [self.project(layer, feature, ids) for feature in key]
            q = [self.project(layer, feature, ids) for feature in query]
            for own_keys, vectors in zip(k, q, strict=True):
                others = torch.cat(k) if self.opt.nce_includes_all_negatives_from_minibatch else own_keys
                scores, positives = vectors @ others.T, (vectors * own_keys).sum(1)
                losses.append(((scores / self.opt.nce_T).logsumexp(1) - positives / self.opt.nce_T).mean())
        return torch.stack(losses).mean()

    def project(self, layer: int, feature: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (P, nc) of a feature (C, H, W) at patch ids (P,)."""
        vectors = self.netF.get_submodule(f"mlp_{layer}")(feature.flatten(1)[:, ids].T)
        return vectors / (vectors.norm(dim=1, keepdim=True) + 1e-7)

    def _add_style_statistics(self) -> None:
        """Add the batch to the reference of the units: sums of TV, Var[a], Var[b], and a count."""
        for image in self.real_B.split(1):
            self.style_sums[0] += self.variation(image)
            self.style_sums[1:3] += color_variance(image)[0]
            self.style_sums[3] += 1

    def variation(self, image: torch.Tensor) -> torch.Tensor:
        """Return the total variation () of an image (1, 3, H, W) per pixel."""
        return total_variation(image, self.opt.tv_beta)[0] / (image.shape[2] * image.shape[3])

    def color_terms(self) -> list[torch.Tensor]:
        """Return the weighted terms of ColorCUT whose weight is not 0."""
        opt, terms, fakes = self.opt, [], self.fake_B.split(1)
        variation, variances = (self.style_sums[:3] / self.style_sums[3]).split([1, 2])
        if opt.lambda_TV != 0:
            self.loss_TV = torch.stack([self.variation(image) for image in fakes]).mean() / variation[0].clamp_min(1e-4)
            terms.append(opt.lambda_TV * self.loss_TV)
        if opt.lambda_l1 != 0:
            self.loss_l1 = (self.rec_B - self.real_B).abs().mean()
            terms.append(opt.lambda_l1 * self.loss_l1)
        if opt.lambda_Var != 0:
            shares = [(color_variance(image)[0] / variances.clamp_min(1)).min() for image in fakes]
            self.loss_Var = torch.stack(shares).clamp_max(1).mean()
            terms.append(-opt.lambda_Var * self.loss_Var)
        if opt.keep_luma and opt.lambda_range != 0:
            beyond = [(to_grayscale(image)[:, 0].abs() - 0.5).relu().mean() for image in self.outputs]
            self.loss_range = torch.stack(beyond).mean()
            terms.append(opt.lambda_range * self.loss_range)
        return terms


def main() -> None:
    """Train with the reference step."""
    train.main(create_reference)


if __name__ == "__main__":
    run(main)
