"""CycleGAN: unpaired image-to-image translation by cycle consistency (Zhu et al., ICCV 2017)."""

import argparse
from argparse import Namespace

import torch
import torch.nn.functional as F

from models.base_model import BaseModel
from models.gan_loss import GANLoss, discriminator_losses
from models.shared_pass import run_on_both
from models.training_step import TrainingStep
from util.image_pool import ImagePool


class CycleGANModel(BaseModel):
    """L = GAN_A + GAN_B + lambda_A (|rec_A - A| + idt |idt_B - A|) + lambda_B (|rec_B - B| + idt |idt_A - B|).

    G_A translates A to B, G_B translates B to A; D_A judges the output of G_A, D_B that of G_B. With --lambda_identity
    each generator sees both domains in one pass where the images of a batch do not influence each other.
    """

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the weights of CycleGAN."""
        if is_train:
            add = parser.add_argument
            add("--lambda_A", type=float, default=10.0, help="weight of the cycle A to B to A")
            add("--lambda_B", type=float, default=10.0, help="weight of the cycle B to A to B")
            add("--lambda_identity", type=float, default=0.5, help="weight of the identity loss, relative to "
                "the cycles'; 0 switches it off")  # fmt: skip
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.use_idt = self.isTrain and opt.lambda_identity != 0
        self.loss_names = ["D_A", "G_A", "cycle_A", "D_B", "G_B", "cycle_B"]
        self.visual_names = ["real_A", "fake_B", "rec_A", "real_B", "fake_A", "rec_B"]
        self.model_names = ["G_A", "G_B"]
        if self.isTrain:
            self.model_names += ["D_A", "D_B"]
        if self.use_idt:
            self.loss_names += ["idt_A", "idt_B"]
            self.visual_names += ["idt_A", "idt_B"]
        self.loss_names += ["G"]
        self.netG_A = self.make_generator(opt.input_nc, opt.output_nc)
        self.netG_B = self.make_generator(opt.output_nc, opt.input_nc)
        if self.isTrain:
            self.netD_A = self.make_discriminator(opt.output_nc)
            self.netD_B = self.make_discriminator(opt.input_nc)
            self.optimizer_G = self.add_adam(self.netG_A, self.netG_B)
            self.optimizer_D = self.add_adam(self.netD_A, self.netD_B)
            self.criterionGAN = GANLoss(opt.gan_mode)
            self.fake_A_pool, self.fake_B_pool = ImagePool(opt.pool_size), ImagePool(opt.pool_size)

    def forward(self) -> None:
        """In training translate both domains and back; in a test A to B and back, since a test batch may have no B."""
        if not self.isTrain:
            self.fake_B = self.translate(self.netG_A, self.real_A)
            self.rec_A = self.translate(self.netG_B, self.fake_B)
            return
        if self.use_idt:
            share_pass = self.can_share_pass(self.opt.normG)
            self.fake_B, self.idt_A = run_on_both(self.netG_A, self.real_A, self.real_B, share_pass)
            self.fake_A, self.idt_B = run_on_both(self.netG_B, self.real_B, self.real_A, share_pass)
        else:
            self.fake_B, self.fake_A = self.netG_A(self.real_A), self.netG_B(self.real_B)
        self.rec_A, self.rec_B = self.netG_B(self.fake_B), self.netG_A(self.fake_A)

    def optimize_parameters(self) -> None:
        """Take one training step of the generators and the discriminators. --accumulate N repeats the loop N times."""
        step = TrainingStep(self)
        self.optimizer_G.zero_grad()
        self.optimizer_D.zero_grad()
        for _ in step.micro_batches():
            self.set_requires_grad([self.netD_A, self.netD_B], False)
            with step.autocast():
                self.forward()
                loss_G = self.compute_G_loss()
            step.scale(loss_G).backward()
            self.set_requires_grad([self.netD_A, self.netD_B], True)
            with step.autocast():
                loss_D = self.compute_D_loss()
            step.scale(loss_D).backward()
        step.average_gradients(self.optimizer_G, self.optimizer_D)
        step.update(self.optimizer_G, self.optimizer_D)

    def compute_G_loss(self) -> torch.Tensor:
        """Return the weighted total of both generators. The parts are kept without weights."""
        opt, criterion = self.opt, self.criterionGAN
        self.loss_G_A = criterion(self.netD_A(self.fake_B), True)
        self.loss_G_B = criterion(self.netD_B(self.fake_A), True)
        self.loss_cycle_A = F.l1_loss(self.rec_A, self.real_A)
        self.loss_cycle_B = F.l1_loss(self.rec_B, self.real_B)
        self.loss_G = self.loss_G_A + self.loss_G_B
        self.loss_G = self.loss_G + opt.lambda_A * self.loss_cycle_A + opt.lambda_B * self.loss_cycle_B
        if self.use_idt:
            # Named as in CycleGAN's own code: idt_A is G_A's, which sees B.
            self.loss_idt_A = F.l1_loss(self.idt_A, self.real_B)
            self.loss_idt_B = F.l1_loss(self.idt_B, self.real_A)
            identity = opt.lambda_B * self.loss_idt_A + opt.lambda_A * self.loss_idt_B
            self.loss_G = self.loss_G + opt.lambda_identity * identity
        return self.loss_G

    def compute_D_loss(self) -> torch.Tensor:
        """Return the sum of both discriminators' losses, each the mean of fake and real."""
        share_pass = self.can_share_pass(self.opt.normD)
        fake_B, fake_A = self.fake_B_pool.query(self.fake_B.detach()), self.fake_A_pool.query(self.fake_A.detach())
        of_A = discriminator_losses(self.netD_A, fake_B, self.real_B, self.criterionGAN, share_pass)
        of_B = discriminator_losses(self.netD_B, fake_A, self.real_A, self.criterionGAN, share_pass)
        self.loss_D_A, self.loss_D_B = sum(of_A) * 0.5, sum(of_B) * 0.5
        return self.loss_D_A + self.loss_D_B

    def extra_state(self) -> dict[str, object]:
        """Return the image pools."""
        return {"fake_A_pool": self.fake_A_pool.images, "fake_B_pool": self.fake_B_pool.images}

    def load_extra_state(self, state: dict[str, object]) -> None:
        """Restore the image pools."""
        self.fake_A_pool.images, self.fake_B_pool.images = state["fake_A_pool"], state["fake_B_pool"]
