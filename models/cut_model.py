"""CUT and FastCUT: contrastive learning for unpaired image-to-image translation (Park et al., ECCV 2020)."""

import argparse
from argparse import Namespace

import torch

from models.base_model import BaseModel
from models.gan_loss import discriminator_losses, gan_loss, gradient_penalty
from models.networks import define_F
from models.networks.patch_sample import PatchSampleF
from models.patch_nce import patch_nce
from util.errors import UserError
from util.util import str2bool

_CUT = {"nce_idt": True, "lambda_NCE": 1.0}
_FASTCUT = {"nce_idt": False, "lambda_NCE": 10.0, "flip_equivariance": True, "n_epochs": 150, "n_epochs_decay": 50}


class CUTModel(BaseModel):
    """L = lambda_GAN L_GAN + lambda_NCE (NCE(X) + NCE(Y)) / 2, the second term with --nce_idt only.

    A step runs G once on X and Y together and takes the keys from that pass, encodes the queries of both in one
    pass, and runs D once on fake and real together. Where that would not be the same mathematics (batch norm,
    dropout, X and Y of different sizes) the passes run apart.
    """

    presets = {"CUT_mode": {"CUT": _CUT, "cut": _CUT, "FastCUT": _FASTCUT, "fastcut": _FASTCUT}, **BaseModel.presets}

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the flags of CUT."""
        add = parser.add_argument
        switch = {"type": str2bool, "nargs": "?", "const": True, "default": False}
        modes = ["CUT", "cut", "FastCUT", "fastcut"]
        add("--CUT_mode", default="CUT", choices=modes, help="FastCUT: no identity NCE, flips, 150 + 50 epochs")
        add("--lambda_GAN", type=float, default=1.0, help="weight of the GAN loss")
        add("--lambda_NCE", type=float, default=1.0, help="weight of the contrastive loss")
        add("--nce_idt", **{**switch, "default": True}, help="contrastive loss of G(Y) and Y too; not in FastCUT")
        add("--nce_layers", default="0,4,8,12,16", help="layers of G whose features are compared")
        add("--nce_includes_all_negatives_from_minibatch", **switch, help="negatives from all pictures of the batch")
        add("--netF", default="mlp_sample", choices=["sample", "mlp_sample"], help="how features are projected")
        add("--netF_nc", type=int, default=256, help="length of the projected features")
        add("--nce_T", type=float, default=0.07, help="temperature of the contrastive loss")
        add("--num_patches", type=int, default=256, help="places compared in each layer")
        add("--flip_equivariance", **switch, help="flip pictures half of the time; features must flip with them")
        parser.set_defaults(pool_size=0)
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        if opt.netG.startswith("unet"):
            raise UserError(f"--netG {opt.netG}: CUT compares features of a ResNet generator; choose a resnet")
        if opt.input_nc != opt.output_nc:
            raise UserError(f"--input_nc {opt.input_nc} --output_nc {opt.output_nc}: CUT encodes its own output, "
                            "so both must be equal; grey pictures are read as three equal channels")  # fmt: skip
        self.use_GAN = self.isTrain and opt.lambda_GAN != 0
        self.use_NCE = self.isTrain and opt.lambda_NCE != 0
        self.use_idt = self.use_NCE and opt.nce_idt
        self.loss_names = ["G_GAN", "D_real", "D_fake"] * self.use_GAN + ["G"]
        self.loss_names += ["NCE"] * self.use_NCE + ["NCE_Y"] * self.use_idt
        self.loss_names += ["GP"] * (self.use_GAN and opt.lambda_gp != 0)
        self.visual_names = ["real_A", "fake_B"] + ["real_B"] * self.isTrain + ["idt_B"] * self.use_idt
        self.model_names = ["G"] + ["F"] * self.use_NCE + ["D"] * self.use_GAN
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

    def _read_layers(self, text: str) -> list[int]:
        count = len(self.netG.model)
        try:
            layers = [int(part) % count if -count <= int(part) < count else None for part in text.split(",")]
        except ValueError:
            layers = [None]
        if None in layers or layers != sorted(set(layers)):
            raise UserError(f"--nce_layers {text}: expected ascending layer numbers from 0 to {count - 1}, as 0,4,8")
        return layers

    def _build_optimizers(self) -> None:
        self.optimizer_G = self.add_adam(self.netG)
        if self.use_GAN:
            self.optimizer_D = self.add_adam(self.netD)
        if self.use_NCE and self.netF.use_mlp:
            self.optimizer_F = self.add_adam(self.netF)

    def optimize_parameters(self) -> None:
        """Take one step: D first, then G and F together."""
        if self.use_GAN:
            self.update(([self.optimizer_D], self.compute_D_loss))
        generators = [optimizer for optimizer in self.optimizers if optimizer is not getattr(self, "optimizer_D", None)]
        self.update((generators, self.compute_G_loss))

    def set_input(self, input: dict) -> None:
        """Take a batch; with --flip_equivariance half of them are painted flipped."""
        super().set_input(input)
        self.flipped_for_equivariance = self.isTrain and self.opt.flip_equivariance and bool(torch.rand(()) < 0.5)

    def choices(self) -> bool:
        """Return whether this batch is flipped."""
        return self.flipped_for_equivariance

    def forward(self) -> None:
        """Compute fake_B = G(X), and in training idt_B = G(Y) and the keys of the contrastive loss."""
        if not self.isTrain:
            self.fake_B = self.translate(self.netG, self.real_A)
            return
        same_size = self.real_A.shape == self.real_B.shape
        self._nce_of_pair: list[torch.Tensor] | None = None
        self._keys: list[torch.Tensor] | None = None

        sources = [self.real_A] + [self.real_B] * self.use_idt
        if self.flipped_for_equivariance:
            sources = [images.flip(3) for images in sources]
        if not same_size:
            fakes = [self.netG(images) for images in sources]
        elif self.use_NCE and self.joinable(self.opt.normG) and not self.flipped_for_equivariance:
            fake, features = self.netG(torch.cat(sources), self.nce_layers)
            self._keys = [feature.detach() for feature in features]
            fakes = fake.split(len(self.real_A))
        else:
            fakes = self.netG(torch.cat(sources)).split(len(self.real_A))
        self.fake_B = fakes[0]
        if self.use_idt:
            self.idt_B = fakes[1]

    def compute_D_loss(self) -> torch.Tensor:
        """Return (D_fake + D_real) / 2, with --lambda_gp plus the gradient penalty."""
        fake, real = self.fake_B.detach(), self.real_B
        self.loss_D_fake, self.loss_D_real = discriminator_losses(
            self.netD, fake, real, self.opt.gan_mode, self.joinable(self.opt.normD)
        )
        self.loss_D = (self.loss_D_fake + self.loss_D_real) * 0.5
        if self.opt.lambda_gp != 0:
            self.loss_GP = gradient_penalty(self.netD, real, fake).mean()
            self.loss_D = self.loss_D + self.opt.lambda_gp * self.loss_GP
        return self.loss_D

    def compute_G_loss(self) -> torch.Tensor:
        """Return the weighted total; the parts are kept unweighted in loss_G_GAN, loss_NCE and loss_NCE_Y."""
        self.loss_G = self.fake_B.new_zeros(())
        if self.use_GAN:
            self.loss_G_GAN = gan_loss(self.netD(self.fake_B), True, self.opt.gan_mode).mean()
            self.loss_G = self.loss_G + self.opt.lambda_GAN * self.loss_G_GAN
        if self.use_NCE:
            weighted = self.calculate_NCE_loss(self.real_A, self.fake_B)
            self.loss_NCE = weighted.detach() / self.opt.lambda_NCE
            if self.use_idt:
                weighted_Y = self.calculate_NCE_loss(self.real_B, self.idt_B)
                self.loss_NCE_Y = weighted_Y.detach() / self.opt.lambda_NCE
                weighted = (weighted + weighted_Y) * 0.5
            self.loss_G = self.loss_G + weighted
        return self.loss_G

    def calculate_NCE_loss(self, src: torch.Tensor, tgt: torch.Tensor) -> torch.Tensor:
        """Return the weighted contrastive loss between two sets of pictures (N, 3, H, W).

        For the pairs of this iteration (real_A with fake_B, real_B with idt_B) the passes of `forward` answer.
        """
        pairs = [(self.real_A, self.fake_B)] + ([(self.real_B, self.idt_B)] if self.use_idt else [])
        for number, (source, target) in enumerate(pairs):
            if src is source and tgt is target and self._keys is not None:
                if self._nce_of_pair is None:
                    losses = self._nce(self._keys, torch.cat([target for _, target in pairs]), len(pairs))
                    self._nce_of_pair = [part.mean() for part in losses.split(len(self.real_A))]
                return self.opt.lambda_NCE * self._nce_of_pair[number]
        with torch.no_grad():
            keys = self.netG(src, self.nce_layers, encode_only=True)
        return self.opt.lambda_NCE * self._nce(keys, tgt, 1).mean()

    def _nce(self, keys: list[torch.Tensor], targets: torch.Tensor, groups: int) -> torch.Tensor:
        """Return the loss (N,) of N pictures: the mean over layers. Each of the groups has its own places."""
        queries = self.netG(targets, self.nce_layers, encode_only=True)
        if self.flipped_for_equivariance:
            queries = [query.flip(3) for query in queries]
        drawn = [PatchSampleF.draw_places(keys, self.opt.num_patches) for _ in range(groups)]
        size = len(targets) // groups
        places = [torch.stack(layer).repeat_interleave(size, 0) for layer in zip(*drawn, strict=True)]  # (N, P)
        with torch.no_grad():
            projected_keys = self.netF(keys, places)
        # Of the joined passes, each half is a minibatch.
        pictures = size if self.opt.nce_includes_all_negatives_from_minibatch else 1
        losses = [
            patch_nce(query, key, self.opt.nce_T, pictures)
            for query, key in zip(self.netF(queries, places), projected_keys, strict=True)
        ]
        return torch.stack(losses).mean(0)
