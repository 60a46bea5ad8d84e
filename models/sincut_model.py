"""SinCUT: CUT trained on one source image and one style image (Park et al., ECCV 2020, section 4.3)."""

import argparse
from argparse import Namespace

import torch
import torch.nn.functional as F

from models.cut_model import CUTModel
from models.gan_loss import r1_penalty

# CUT's defaults for SinCUT.
_IMAGES = {"dataset_mode": "singleimage", "crop_size": 64, "load_size": 1024}
_NETWORKS = {"netD": "stylegan2", "ndf": 8, "netG": "stylegan2", "ngf": 10, "nce_layers": "0,2,4"}
_LOSSES = {"gan_mode": "nonsaturating", "lambda_NCE": 4.0, "num_patches": 1,
           "nce_includes_all_negatives_from_minibatch": True}  # fmt: skip
_TRAINING = {"preprocess": "zoom_and_patch", "batch_size": 16, "lr": 0.002, "beta1": 0.0, "beta2": 0.99, "n_epochs": 8,
             "n_epochs_decay": 8, "save_latest_freq": 20_000, "save_epoch_freq": 1}  # fmt: skip


def _modes() -> dict[str, dict[str, object]]:
    """Return what --CUT_mode implies here: not the weight and the numbers of epochs, of which SinCUT has its own."""
    own = {"lambda_NCE", "n_epochs", "n_epochs_decay"}
    modes = CUTModel.presets["CUT_mode"]
    return {mode: {name: value for name, value in implied.items() if name not in own}
            for mode, implied in modes.items()}  # fmt: skip


class SinCUTModel(CUTModel):
    """L = L_CUT + lambda_identity |G(Y) - Y|, with StyleGAN2's networks on crops of both images.

    The discriminator's loss has the R1 penalty. The contrastive loss compares one patch of each crop with those of the
    whole batch.
    """

    presets = {**CUTModel.presets, "CUT_mode": _modes()}

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the flags of SinCUT, and change defaults."""
        parser = CUTModel.modify_commandline_options(parser, is_train)
        parser.add_argument(
            "--lambda_R1", type=float, default=1.0, help="weight of the R1 penalty of the discriminator"
        )
        parser.add_argument("--lambda_identity", type=float, default=1.0, help="weight of L1 between G(Y) and Y")
        parser.set_defaults(**_IMAGES, **_NETWORKS, **_LOSSES, **(_TRAINING if is_train else {"preprocess": "none"}))
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.use_r1 = self.use_GAN and opt.lambda_R1 != 0
        self.use_pixel_identity = self.use_idt and opt.lambda_identity != 0
        losses = {"D_R1": self.use_r1, "idt": self.use_pixel_identity}
        self.loss_names += [name for name, is_used in losses.items() if is_used]
        if self.isTrain and opt.lambda_identity != 0 and not self.use_idt:
            print("--lambda_identity has no effect: it needs --nce_idt and --lambda_NCE above 0")

    def compute_D_loss(self) -> torch.Tensor:
        """Return CUT's loss of D, plus lambda_R1 times the penalty. loss_D_R1 has no weight."""
        loss = super().compute_D_loss()
        if self.use_r1:
            self.loss_D_R1 = r1_penalty(self.netD, self.real_B).mean()
            loss = loss + self.opt.lambda_R1 * self.loss_D_R1
        return loss

    def compute_G_loss(self) -> torch.Tensor:
        """Return CUT's loss, plus lambda_identity times loss_idt."""
        loss = super().compute_G_loss()
        if self.use_pixel_identity:
            self.loss_idt = F.l1_loss(self.idt_B, self.real_B)
            loss = loss + self.opt.lambda_identity * self.loss_idt
        self.loss_G = loss
        return loss
