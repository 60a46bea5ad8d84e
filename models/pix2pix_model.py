"""pix2pix: paired image-to-image translation with a conditional GAN (Isola et al., CVPR 2017)."""

import argparse
from argparse import Namespace

import torch
import torch.nn.functional as F

from models.base_model import BaseModel
from models.gan_loss import GANLoss, discriminator_losses
from models.training_step import TrainingStep
from util.image_pool import ImagePool


class Pix2PixModel(BaseModel):
    """L = GAN + lambda_L1 |G(A) - B|, where D sees an image together with its source A."""

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the weight of L1, and the paper's defaults: U-Net with dropout, batch norm, cross entropy."""
        parser.set_defaults(netG="unet_256", normG="batch", normD="batch", no_dropout=False, dataset_mode="aligned")
        # As in pix2pix's own code, so that its checkpoints fit.
        parser.set_defaults(no_antialias=True, no_antialias_up=True)
        if is_train:
            parser.set_defaults(gan_mode="vanilla", pool_size=0)
            parser.add_argument("--lambda_L1", type=float, default=100.0, help="weight of L1 to the true image")
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.loss_names = ["G_GAN", "G_L1", "D_real", "D_fake", "G"]
        self.visual_names = ["real_A", "fake_B", "real_B"]
        self.model_names = ["G", "D"] if self.isTrain else ["G"]
        self.netG = self.make_generator(opt.input_nc, opt.output_nc)
        if self.isTrain:
            self.netD = self.make_discriminator(opt.input_nc + opt.output_nc)
            self.optimizer_G = self.add_adam(self.netG)
            self.optimizer_D = self.add_adam(self.netD)
            self.criterionGAN = GANLoss(opt.gan_mode)
            self.fake_AB_pool = ImagePool(opt.pool_size)

    def forward(self) -> None:
        """Compute fake_B = G(A)."""
        self.fake_B = self.netG(self.real_A) if self.isTrain else self.translate(self.netG, self.real_A)

    def optimize_parameters(self) -> None:
        """Take one training step: D first, then G. Each loop runs once, or N times with --accumulate N."""
        step = TrainingStep(self)
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

        self.optimizer_G.zero_grad()
        for _ in step.micro_batches():
            with step.autocast():
                if step.accumulate > 1:  # else the images of the loop above are still valid
                    self.forward()
                loss_G = self.compute_G_loss()
            step.scale(loss_G).backward()
        step.average_gradients(self.optimizer_G)
        step.update(self.optimizer_G)

    def compute_D_loss(self) -> torch.Tensor:
        """Return (D_fake + D_real) / 2."""
        fake = self.fake_AB_pool.query(torch.cat([self.real_A, self.fake_B.detach()], 1))
        real = torch.cat([self.real_A, self.real_B], 1)
        share_pass = self.opt.normD != "batch"
        self.loss_D_fake, self.loss_D_real = discriminator_losses(self.netD, fake, real, self.criterionGAN, share_pass)
        return (self.loss_D_fake + self.loss_D_real) * 0.5

    def compute_G_loss(self) -> torch.Tensor:
        """Return the weighted total. The parts are kept without weights."""
        self.loss_G_GAN = self.criterionGAN(self.netD(torch.cat([self.real_A, self.fake_B], 1)), True)
        self.loss_G_L1 = F.l1_loss(self.fake_B, self.real_B)
        self.loss_G = self.loss_G_GAN + self.opt.lambda_L1 * self.loss_G_L1
        return self.loss_G

    def extra_state(self) -> dict[str, object]:
        """Return the image pool."""
        return {"fake_AB_pool": self.fake_AB_pool.images}

    def load_extra_state(self, state: dict[str, object]) -> None:
        """Restore the image pool."""
        self.fake_AB_pool.images = state["fake_AB_pool"]
