"""pix2pix: paired image-to-image translation with a conditional GAN (Isola et al., CVPR 2017)."""

import argparse
from argparse import Namespace

import torch
import torch.nn.functional as F

from models.base_model import BaseModel
from models.gan_loss import discriminator_losses, gan_loss
from util.image_pool import ImagePool


class Pix2PixModel(BaseModel):
    """L = GAN + lambda_L1 |G(A) - B|, where D sees a picture together with its source A."""

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the weight of L1, and the paper's defaults: U-Net with dropout, batch norm, cross entropy."""
        parser.set_defaults(netG="unet_256", normG="batch", normD="batch", no_dropout=False, dataset_mode="aligned")
        # As in pix2pix's own code, so that its checkpoints fit.
        parser.set_defaults(no_antialias=True, no_antialias_up=True)
        if is_train:
            parser.set_defaults(gan_mode="vanilla", pool_size=0)
            parser.add_argument("--lambda_L1", type=float, default=100.0, help="weight of L1 to the true picture")
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.loss_names = ["G_GAN", "G_L1", "D_real", "D_fake", "G"]
        self.visual_names = ["real_A", "fake_B", "real_B"]
        self.model_names = ["G"] + ["D"] * self.isTrain
        self.netG = self.make_generator(opt.input_nc, opt.output_nc)
        if self.isTrain:
            self.netD = self.make_discriminator(opt.input_nc + opt.output_nc)
            self.optimizer_G = self.add_adam(self.netG)
            self.optimizer_D = self.add_adam(self.netD)
            self.fake_AB_pool = ImagePool(opt.pool_size)

    def forward(self) -> None:
        """Compute fake_B = G(A)."""
        self.fake_B = self.netG(self.real_A) if self.isTrain else self.translate(self.netG, self.real_A)

    def optimize_parameters(self) -> None:
        """Take one step: D first, then G."""
        self.update(([self.optimizer_D], self.compute_D_loss))
        self.update(([self.optimizer_G], self.compute_G_loss))

    def compute_D_loss(self) -> torch.Tensor:
        """Return (D_fake + D_real) / 2."""
        fake = self.fake_AB_pool.query(torch.cat([self.real_A, self.fake_B.detach()], 1))
        real = torch.cat([self.real_A, self.real_B], 1)
        together = self.opt.normD != "batch"
        self.loss_D_fake, self.loss_D_real = discriminator_losses(self.netD, fake, real, self.opt.gan_mode, together)
        return (self.loss_D_fake + self.loss_D_real) * 0.5

    def compute_G_loss(self) -> torch.Tensor:
        """Return the weighted total; the parts are kept unweighted."""
        scores = self.netD(torch.cat([self.real_A, self.fake_B], 1))
        self.loss_G_GAN = gan_loss(scores, True, self.opt.gan_mode).mean()
        self.loss_G_L1 = F.l1_loss(self.fake_B, self.real_B)
        self.loss_G = self.loss_G_GAN + self.opt.lambda_L1 * self.loss_G_L1
        return self.loss_G

    def extra_state(self) -> dict[str, object]:
        """Return the pool, from which a restart goes on drawing."""
        return {"fake_AB_pool": self.fake_AB_pool.images}

    def load_extra_state(self, state: dict[str, object]) -> None:
        """Restore the pool."""
        self.fake_AB_pool.images = state["fake_AB_pool"]
