"""CUT and FastCUT: contrastive learning for unpaired image-to-image translation (Park et al., ECCV 2020)."""

import argparse
from argparse import Namespace

import torch

from models.base_model import BaseModel
from models.gan_loss import GANLoss, discriminator_losses, gradient_penalty
from models.networks import define_F
from models.networks.build import PROJECTIONS
from models.networks.patch_sample import PatchSampleF
from models.patch_nce import patch_nce
from models.training_step import TrainingStep
from util.errors import UsageError
from util.util import str2bool

_CUT = {"nce_idt": True, "lambda_NCE": 1.0}
_FASTCUT = {"nce_idt": False, "lambda_NCE": 10.0, "flip_equivariance": True, "n_epochs": 150, "n_epochs_decay": 50}


class CUTModel(BaseModel):
    """L = lambda_GAN L_GAN + lambda_NCE (NCE(X) + NCE(Y)) / 2, the second NCE term with --nce_idt only.

    A step runs G once on X and Y together and takes the keys from that pass, encodes the queries of both in one
    pass, and runs D once on fake and real images together. With batch norm or dropout the keys get a pass of their
    own, and D sees fake and real images separately. X and Y of different sizes are translated separately too.
    """

    presets = {"CUT_mode": {"CUT": _CUT, "cut": _CUT, "FastCUT": _FASTCUT, "fastcut": _FASTCUT}, **BaseModel.presets}

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the flags of CUT."""
        add = parser.add_argument
        switch = {"type": str2bool, "nargs": "?", "const": True, "default": False}
        modes = ["CUT", "cut", "FastCUT", "fastcut"]
        add("--CUT_mode", default="CUT", choices=modes, help="FastCUT: nce_idt off, flips, lambda_NCE 10; with "
            "--model cut also 150 + 50 epochs")  # fmt: skip
        add("--lambda_GAN", type=float, default=1.0, help="weight of the GAN loss")
        add("--lambda_NCE", type=float, default=1.0, help="weight of the contrastive loss")
        add("--nce_idt", **{**switch, "default": True}, help="contrastive loss of Y and G(Y) too; not in FastCUT")
        add("--nce_layers", default="0,4,8,12,16", help="layers of G whose features are compared")
        add("--nce_includes_all_negatives_from_minibatch", **switch, help="negatives from all images of the batch")
        add(
            "--netF", default="mlp_sample", choices=PROJECTIONS, help="sample: plain features; mlp_sample: after an MLP"
        )
        add("--netF_nc", type=int, default=256, help="channels of the projected features")
        add("--nce_T", type=float, default=0.07, help="temperature of the contrastive loss")
        add("--num_patches", type=int, default=256, help="patches compared in each layer")
        add("--flip_equivariance", **switch, help="flip the inputs of G in half of the iterations; features must flip "
            "with them")  # fmt: skip
        parser.set_defaults(pool_size=0)
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        if opt.netG.startswith("unet"):
            raise UsageError(f"--netG {opt.netG}: CUT compares features of a ResNet generator; choose a resnet")
        self.use_GAN = self.isTrain and opt.lambda_GAN != 0
        self.use_NCE = self.isTrain and opt.lambda_NCE != 0
        self.use_idt = self.use_NCE and opt.nce_idt
        gan, nce, idt = self.use_GAN, self.use_NCE, self.use_idt
        losses = {"G_GAN": gan, "D_real": gan, "D_fake": gan, "G": True, "NCE": nce, "NCE_Y": idt}
        visuals = {"real_A": True, "fake_B": True, "real_B": self.isTrain, "idt_B": idt}
        self.loss_names = [name for name, is_used in losses.items() if is_used]
        self.visual_names = [name for name, is_used in visuals.items() if is_used]
        self.model_names = [name for name, is_used in {"G": True, "F": nce, "D": gan}.items() if is_used]
        if gan and opt.lambda_gp != 0:
            self.loss_names.append("GP")
        self._build_networks()
        if self.isTrain:
            self._build_optimizers()

    def _build_networks(self) -> None:
        opt = self.opt
        self.netG = self.make_generator(opt.input_nc, opt.output_nc)
        self.nce_layers = self._read_layers(opt.nce_layers)
        if self.use_NCE:
            channels = self.netG.tap_channels(self.nce_layers)
            self.netF = define_F(channels, opt.netF, opt.netF_nc, opt.init_type, opt.init_gain).to(self.device)
        if self.use_GAN:
            self.netD = self.make_discriminator(opt.output_nc)
            self.criterionGAN = GANLoss(opt.gan_mode)

    def _read_layers(self, text: str) -> list[int]:
        count = len(self.netG.model)
        try:
            layers = [int(part) % count if -count <= int(part) < count else None for part in text.split(",")]
        except ValueError:
            layers = [None]
        if None in layers or layers != sorted(set(layers)):
            raise UsageError(f"--nce_layers {text}: expected ascending layer numbers from 0 to {count - 1}, as 0,4,8")
        return layers

    def _build_optimizers(self) -> None:
        self.optimizer_G = self.add_adam(self.netG)
        self.generator_optimizers = [self.optimizer_G]
        if self.use_GAN:
            self.optimizer_D = self.add_adam(self.netD)
        if self.use_NCE and self.netF.use_mlp:
            self.optimizer_F = self.add_adam(self.netF)
            self.generator_optimizers.append(self.optimizer_F)

    def optimize_parameters(self) -> None:
        """Take one training step: D first, then G and F. Each loop runs once, or N times with --accumulate N."""
        step = TrainingStep(self)
        if self.use_GAN:
            self.set_requires_grad(self.netD, True)
            self.optimizer_D.zero_grad()
            for _ in step.micro_batches():
                with step.autocast():
                    self.forward()
                    loss_D = self.compute_D_loss()
                step.scale(loss_D).backward()
            step.average_gradients(self.optimizer_D)
            step.update(self.optimizer_D)
            self.set_requires_grad(self.netD, False)

        for optimizer in self.generator_optimizers:
            optimizer.zero_grad()
        for _ in step.micro_batches():
            with step.autocast():
                if step.accumulate > 1 or not self.use_GAN:  # else the images of the loop above are still valid
                    self.forward()
                loss_G = self.compute_G_loss()
            step.scale(loss_G).backward()
        step.average_gradients(*self.generator_optimizers)
        step.update(*self.generator_optimizers)

    def set_input(self, input: dict) -> None:
        """Take a batch. With --flip_equivariance the inputs of G are flipped in half of the iterations."""
        super().set_input(input)
        self.flipped_for_equivariance = self.isTrain and self.opt.flip_equivariance and bool(torch.rand(()) < 0.5)

    def graph_key(self) -> bool:
        """Return True in a flipped iteration."""
        return self.flipped_for_equivariance

    def identity_source(self) -> torch.Tensor:
        """Return the images (N, 3, H, W) that G turns into idt_B: Y. A subclass may return others."""
        return self.real_B

    def forward(self) -> None:
        """Compute fake_B = G(X), and in training idt_B = G(Y) and the features of X and Y as keys."""
        if not self.isTrain:
            self.fake_B = self.translate(self.netG, self.real_A)
            return
        sources = [self.real_A, self.identity_source()] if self.use_idt else [self.real_A]
        if self.flipped_for_equivariance:
            sources = [images.flip(3) for images in sources]
        self.nce_keys: list[torch.Tensor] | None = None
        if self.real_A.shape != self.real_B.shape:
            outputs = [self.netG(images) for images in sources]
        elif self._keys_come_with_images():
            images, features = self.netG(torch.cat(sources), self.nce_layers)
            self.nce_keys = [feature.detach() for feature in features]
            outputs = images.split(len(self.real_A))
        else:
            outputs = self.netG(torch.cat(sources)).split(len(self.real_A))
        self.fake_B = outputs[0]
        if self.use_idt:
            self.idt_B = outputs[1]

    def _keys_come_with_images(self) -> bool:
        """Return True if the pass of G also gives the keys, which are features of the unflipped inputs.

        A subclass with a `calculate_NCE_loss` of its own is called for each pair instead.
        """
        is_own = type(self).calculate_NCE_loss is CUTModel.calculate_NCE_loss
        return self.use_NCE and is_own and not self.flipped_for_equivariance and self.can_share_pass(self.opt.normG)

    def compute_D_loss(self) -> torch.Tensor:
        """Return (D_fake + D_real) / 2, plus the gradient penalty with --lambda_gp."""
        fake, real = self.fake_B.detach(), self.real_B
        share_pass = self.can_share_pass(self.opt.normD)
        self.loss_D_fake, self.loss_D_real = discriminator_losses(self.netD, fake, real, self.criterionGAN, share_pass)
        self.loss_D = (self.loss_D_fake + self.loss_D_real) * 0.5
        if self.opt.lambda_gp != 0:
            self.loss_GP = gradient_penalty(self.netD, real, fake).mean()
            self.loss_D = self.loss_D + self.opt.lambda_gp * self.loss_GP
        return self.loss_D

    def compute_G_loss(self) -> torch.Tensor:
        """Return the weighted total. loss_G_GAN, loss_NCE and loss_NCE_Y are kept without weights."""
        self.loss_G = self.fake_B.new_zeros(())
        if self.opt.lambda_GAN != 0:  # a subclass may set it to 0 for a while to judge other images than fake_B
            self.loss_G_GAN = self.criterionGAN(self.netD(self.fake_B), True)
            self.loss_G = self.loss_G + self.opt.lambda_GAN * self.loss_G_GAN
        if self.use_NCE:
            weighted = self._compute_NCE_losses()
            self.loss_NCE = weighted[0].detach() / self.opt.lambda_NCE
            if self.use_idt:
                self.loss_NCE_Y = weighted[1].detach() / self.opt.lambda_NCE
            self.loss_G = self.loss_G + torch.stack(weighted).mean()
        return self.loss_G

    def _compute_NCE_losses(self) -> list[torch.Tensor]:
        """Return the weighted contrastive loss () of X with G(X), and with --nce_idt that of Y with G(Y)."""
        pairs = [(self.real_A, self.fake_B)]
        if self.use_idt:
            pairs.append((self.identity_source(), self.idt_B))
        if self.nce_keys is None:
            return [self.calculate_NCE_loss(source, target) for source, target in pairs]
        losses = self._patch_nce(self.nce_keys, torch.cat([target for _, target in pairs]), len(pairs))
        return [self.opt.lambda_NCE * of_pair.mean() for of_pair in losses.split(len(self.real_A))]

    def calculate_NCE_loss(self, src: torch.Tensor, tgt: torch.Tensor) -> torch.Tensor:
        """Return the weighted contrastive loss () of images tgt with their sources src, both (N, 3, H, W)."""
        with torch.no_grad():
            keys = self.netG(src, self.nce_layers, encode_only=True)
        return self.opt.lambda_NCE * self._patch_nce(keys, tgt, 1).mean()

    def _patch_nce(self, keys: list[torch.Tensor], targets: torch.Tensor, groups: int) -> torch.Tensor:
        """Return the loss (N,) of N images: the mean over layers. Each group of images has patch ids of its own."""
        queries = self.netG(targets, self.nce_layers, encode_only=True)
        if self.flipped_for_equivariance:
            queries = [query.flip(3) for query in queries]
        sampled = [PatchSampleF.sample_patch_ids(keys, self.opt.num_patches) for _ in range(groups)]
        size = len(targets) // groups
        patch_ids = [torch.stack(layer).repeat_interleave(size, 0) for layer in zip(*sampled, strict=True)]  # (N, P)
        with torch.no_grad():
            projected_keys = self.netF(keys, patch_ids)
        projected = zip(self.netF(queries, patch_ids), projected_keys, strict=True)
        per_group = size if self.opt.nce_includes_all_negatives_from_minibatch else 1
        return torch.stack([patch_nce(query, key, self.opt.nce_T, per_group) for query, key in projected]).mean(0)
