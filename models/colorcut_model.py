"""ColorCUT: CUT and three loss terms made for color. Part of the plugin: it runs in a CUT checkout unmodified."""

import sys

import numpy as np
import torch
import torch.nn.functional as F

from models.color_losses import (
    color_variance,
    luma_out_of_range,
    to_grayscale,
    total_variation,
    with_luma_of,
    without_luma,
)
from models.cut_model import CUTModel
from util.util import str2bool

# Weights of the full model in units of the style; 0 switches a term off.
STYLE_WEIGHTS = {"lambda_TV": 0.1, "lambda_l1": 5.0, "lambda_Var": 0.1}


def _presets():
    """Return the host's presets without FastCUT's numbers of epochs: this model has its own schedule."""
    inherited = getattr(CUTModel, "presets", {})
    epochs = ("n_epochs", "n_epochs_decay")
    modes = {
        mode: {name: value for name, value in defaults.items() if name not in epochs}
        for mode, defaults in inherited.get("CUT_mode", {}).items()
    }
    # The weights come first, so that --preset wins over them.
    return {"term_units": {"style": STYLE_WEIGHTS}, **inherited, "CUT_mode": modes}


class ColorCUTModel(CUTModel):
    """L = L_CUT + lambda_TV TV(G(X)) + lambda_l1 |G(gray(Y)) - Y| - lambda_Var Var(G(X)).

    With --keep_luma also + lambda_range times how far G's own luma is beyond half of its range.
    """

    presets = _presets()

    @staticmethod
    def modify_commandline_options(parser, is_train=True):
        """Add the flags of the three terms, and the schedule of the paper."""
        parser = CUTModel.modify_commandline_options(parser, is_train)
        add, units = parser.add_argument, ["style", "paper"]
        add("--lambda_TV", type=float, help="weight of total variation: smooths noise; 0.1 in style units")
        add("--tv_beta", type=float, default=2.0, help="exponent B of total variation; below 2 it keeps edges")
        add("--lambda_l1", type=float, help="weight of L1 on gray style images: teaches their colors; 5 in style units")
        add("--l1_target", default="color", choices=["color", "gray"], help="gray is the paper's literal formula")
        add("--lambda_Var", type=float, help="reward for the variance of a and b: against one tone; 0.1 in style units")
        add("--term_units", default="style", choices=units, help="style: TV and Var relative to those of the style "
            "images; paper: the printed sums, with all three weights given")  # fmt: skip
        add("--idt_input", default="color", choices=["color", "gray"], help="input of CUT's identity pass: the style "
            "images, or the style images in gray, so that the pass serves L1 too")  # fmt: skip
        add("--keep_luma", type=str2bool, nargs="?", const=True, default=False,
            help="G gives the colors only: its output gets the luma of its input")  # fmt: skip
        add("--lambda_range", type=float, default=0.0, help="with --keep_luma: weight of a penalty on G's own luma "
            "beyond half of its range, where colors vanish")  # fmt: skip
        add("--gan_on", default="source", choices=["source", "style", "both"], help="which outputs of G the GAN loss "
            "judges: those of source images, as in CUT, those of gray style images, or both")  # fmt: skip
        add("--gan_chroma", type=str2bool, nargs="?", const=True, default=False,
            help="the GAN loss judges outputs of source images without their luma, beside style images without "
            "theirs, so that D cannot tell them apart by it; for --keep_luma")  # fmt: skip
        parser.set_defaults(dataset_mode="grayscale_unaligned")
        if is_train:
            parser.set_defaults(lr_policy="cosine", n_epochs=30, n_epochs_decay=0)
        return parser

    def __init__(self, opt):
        self._fill_in_weights(opt)
        super().__init__(opt)
        if not self.isTrain:
            return
        weights = {"TV": opt.lambda_TV, "l1": opt.lambda_l1, "Var": opt.lambda_Var}
        self.loss_names += [name for name, weight in weights.items() if weight != 0]
        self.limits_range = opt.keep_luma and opt.lambda_range != 0
        if self.limits_range:
            self.loss_names += ["range"]
        self.judges_rec_B = opt.gan_on != "source" and opt.lambda_GAN != 0
        self.judges_chroma = opt.gan_chroma and opt.gan_on != "style" and opt.lambda_GAN != 0
        if self.judges_rec_B or opt.lambda_l1 != 0:
            self.visual_names += ["rec_B"]
        if opt.lambda_range != 0 and not opt.keep_luma:
            print("--lambda_range has no effect: it needs --keep_luma")
        if opt.gan_chroma and not self.judges_chroma:
            print("--gan_chroma has no effect: it needs --gan_on source or both, and --lambda_GAN above 0")
        self._choose_identity()
        # Over all style images so far: sums of TV per pixel, Var[a], Var[b], and the number of images.
        self.style_sums = torch.zeros(4, device=self.device)

    @staticmethod
    def _fill_in_weights(opt):
        missing = [flag for flag in STYLE_WEIGHTS if getattr(opt, flag) is None]
        if missing and opt.isTrain and opt.term_units == "paper":
            flags = " --".join(missing)
            print(f"error: --term_units paper has no default weights; give --{flags}", file=sys.stderr)
            sys.exit(2)
        for flag in missing:
            setattr(opt, flag, STYLE_WEIGHTS[flag])

    def _choose_identity(self):
        """Decide which code computes idt_B for --idt_input gray: the host from `identity_source`, or this class."""
        opt = self.opt
        self.gray_identity = opt.idt_input == "gray" and opt.nce_idt and opt.lambda_NCE != 0
        if opt.idt_input == "gray" and not self.gray_identity:
            print("--idt_input gray has no effect: it needs --nce_idt (not in FastCUT) and --lambda_NCE above 0")
        # CUT computes idt_B from real_B only. In a CUT checkout this class switches that pass off and adds its own.
        self.adds_identity = self.gray_identity and not hasattr(CUTModel, "identity_source")
        if self.adds_identity:
            opt.nce_idt = False

    def set_input(self, input):
        """Take a batch. Images of a plain folder (--dataset_mode single) are made gray here."""
        super().set_input(input)
        if self.opt.dataset_mode == "single":
            self.real_A = to_grayscale(self.real_A)
        if self.isTrain:
            self._add_style_statistics()

    def identity_source(self):
        """Return the images (N, 3, H, W) that G turns into idt_B."""
        return self.gray_B if self.gray_identity else super().identity_source()

    def forward(self):
        """Compute what CUT computes, and rec_B if D judges it. With --idt_input gray idt_B is made of gray(Y)."""
        self.range_losses = []  # one for each output of G in this step
        if self.isTrain:
            self.gray_B = to_grayscale(self.real_B)
        if self.isTrain and self.adds_identity:
            flips = getattr(self.opt, "flip_equivariance", False)
            self.flipped_for_equivariance = flips and np.random.random() < 0.5  # drawn as CUT does
            images = self.netG(self._flip(torch.cat([self.real_A, self.gray_B])))
            self.fake_B, self.idt_B = images.split(len(self.real_A))
        else:
            super().forward()
        self.fake_B = self._recombine(self.fake_B, self._flip(self.real_A))
        if self.isTrain and hasattr(self, "idt_B"):
            identity = self.gray_B if self.gray_identity else self.real_B
            self.idt_B = self._recombine(self.idt_B, self._flip(identity))
        if self.isTrain and self.judges_rec_B:
            self.rec_B = self._recolored_style()

    def compute_D_loss(self):
        """Return CUT's loss of D, where the images that are judged take the place of fake_B and real_B."""
        fake_B, real_B = self.fake_B, self.real_B
        self.fake_B, self.real_B = self._judged_images()
        try:
            return super().compute_D_loss()
        finally:
            self.fake_B, self.real_B = fake_B, real_B

    def compute_G_loss(self):
        """Return CUT's loss plus the weighted terms. loss_TV, loss_l1, loss_Var and loss_range have no weights."""
        opt = self.opt
        loss = self._compute_cut_loss()
        if self.adds_identity:
            self.loss_NCE_Y = self.calculate_NCE_loss(self.gray_B, self.idt_B)
            loss = loss + (self.loss_NCE_Y - self.loss_NCE) / 2
        if opt.lambda_TV != 0:
            self.loss_TV = self._compute_tv()
            loss = loss + opt.lambda_TV * self.loss_TV
        if opt.lambda_l1 != 0:
            if not self.judges_rec_B:
                self.rec_B = self._recolored_style()
            self.loss_l1 = F.l1_loss(self.rec_B, self.real_B if opt.l1_target == "color" else self.gray_B)
            loss = loss + opt.lambda_l1 * self.loss_l1
        if opt.lambda_Var != 0:
            self.loss_Var = self._compute_var()
            loss = loss - opt.lambda_Var * self.loss_Var
        if self.limits_range:
            self.loss_range = torch.stack(self.range_losses).mean()
            loss = loss + opt.lambda_range * self.loss_range
        self.loss_G = loss
        return loss

    def _recolored_style(self):
        """Return G(gray(Y)): (N, 3, H, W), which is idt_B with --idt_input gray."""
        if self.gray_identity:
            return self._flip(self.idt_B)
        return self._recombine(self.netG(self.gray_B), self.gray_B)

    def _compute_cut_loss(self):
        """Return CUT's loss of G, whose GAN term judges the images that --gan_on names."""
        opt = self.opt
        if not self.judges_rec_B and not self.judges_chroma:
            return super().compute_G_loss()
        weight, opt.lambda_GAN = opt.lambda_GAN, 0.0  # the host leaves its own term out
        try:
            loss = super().compute_G_loss()
        finally:
            opt.lambda_GAN = weight  # --cuda_graph trains on after an error
        fakes, _ = self._judged_images()
        self.loss_G_GAN = self.criterionGAN(self.netD(fakes), True).mean()
        return loss + weight * self.loss_G_GAN

    def _judged_images(self):
        """Return the outputs of G that the GAN loss judges, and what D sees as real: (N or 2N, 3, H, W) each."""
        if self.judges_rec_B and self.opt.gan_on == "style":
            return self.rec_B, self.real_B
        fakes, reals = self.fake_B, self.real_B
        if self.judges_chroma:
            fakes, reals = without_luma(fakes), without_luma(reals)
        if not self.judges_rec_B:
            return fakes, reals
        if fakes.shape[2:] != self.rec_B.shape[2:]:
            print("error: --gan_on both needs images of one size: crop them (see --preprocess)", file=sys.stderr)
            sys.exit(2)
        # Without --gan_chroma both halves of the fakes have the same real images: D sees these once.
        return torch.cat([fakes, self.rec_B]), torch.cat([reals, self.real_B]) if self.judges_chroma else reals

    def _recombine(self, outputs, sources):
        """Return the outputs of G (N, 3, H, W); with --keep_luma they get the luma of their sources."""
        if not self.opt.keep_luma:
            return outputs
        if self.isTrain and self.limits_range:
            self.range_losses.append(luma_out_of_range(outputs).mean())
        return with_luma_of(outputs, sources)

    def _flip(self, images):
        """Flip images in a flipped iteration of --flip_equivariance, where the inputs of G are flipped."""
        return images.flip(3) if getattr(self, "flipped_for_equivariance", False) else images

    def _add_style_statistics(self):
        """Add the style images of this batch, of all processes, to the reference of the style units."""
        opt = self.opt
        if opt.term_units == "paper" or (opt.lambda_TV == 0 and opt.lambda_Var == 0):
            return
        sums = torch.zeros_like(self.style_sums)
        n, _, height, width = self.real_B.shape
        if opt.lambda_TV != 0:
            sums[0] = total_variation(self.real_B, opt.tv_beta).sum() / (height * width)
        if opt.lambda_Var != 0:
            sums[1:3] = color_variance(self.real_B).sum(0)
        sums[3] = n
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        self.style_sums += sums

    def _compute_tv(self):
        variation = total_variation(self.fake_B, self.opt.tv_beta)
        if self.opt.term_units == "paper":
            return variation.mean()
        reference = (self.style_sums[0] / self.style_sums[3]).clamp_min(1e-4)
        return (variation / (self.fake_B.shape[2] * self.fake_B.shape[3]) / reference).mean()

    def _compute_var(self):
        variance = color_variance(self.fake_B)
        if self.opt.term_units == "paper":
            return variance.amin(1).mean()
        reference = (self.style_sums[1:3] / self.style_sums[3]).clamp_min(1.0)
        # No reward beyond the style's own variance: without this limit colors run to green and magenta.
        return (variance / reference).amin(1).clamp_max(1.0).mean()

    def extra_state(self):
        """Return the reference of the style units, which a restart must not lose."""
        return {"style_sums": self.style_sums}

    def load_extra_state(self, state):
        """Restore the reference. If the state has none, it is computed from the images to come."""
        if "style_sums" in state:
            self.style_sums = state["style_sums"].to(self.device)
        else:
            print("this state has no reference of the style units: it is computed from the images to come")
