"""ColorCUT: CUT and three terms made for colour. Part of the plugin: runs in CUT checkouts unmodified."""

from contextlib import contextmanager

import torch
import torch.nn.functional as F

from models.color_losses import color_variance, to_grayscale, total_variation
from models.cut_model import CUTModel

# Weights of the full model in units of the style; 0 switches a term off.
STYLE_WEIGHTS = {"lambda_TV": 0.1, "lambda_l1": 5.0, "lambda_Var": 0.1}


def _presets():
    """Return the host's presets without the epochs of FastCUT: this model's schedule holds in every mode and host."""

    def kept(defaults):
        return {name: value for name, value in defaults.items() if name not in ("n_epochs", "n_epochs_decay")}

    inherited = getattr(CUTModel, "presets", {})
    modes = {mode: kept(defaults) for mode, defaults in inherited.get("CUT_mode", {}).items()}
    return {**inherited, "CUT_mode": modes, "term_units": {"style": STYLE_WEIGHTS}}


class ColorCUTModel(CUTModel):
    """L = L_CUT + lambda_TV TV(G(X)) + lambda_l1 |G(gray(Y)) - Y| - lambda_Var Var(G(X))."""

    presets = _presets()

    @staticmethod
    def modify_commandline_options(parser, is_train=True):
        """Add the flags of the three terms, and the schedule of the paper."""
        parser = CUTModel.modify_commandline_options(parser, is_train)
        add = parser.add_argument
        add("--lambda_TV", type=float, default=None, help="weight of total variation: smooths noise; 0.1 in style")
        add("--tv_beta", type=float, default=2.0, help="its exponent B; below 2 keeps edges")
        add("--lambda_l1", type=float, default=None, help="weight of L1 on greyed style pictures: teaches their "
            "colours; 5 in style")  # fmt: skip
        add("--l1_target", default="color", choices=["color", "gray"], help="gray is the paper's literal formula")
        add("--lambda_Var", type=float, default=None, help="reward of the smaller variance of a and b: against one "
            "tone everywhere; 0.1 in style")  # fmt: skip
        add("--term_units", default="style", choices=["style", "paper"], help="style: TV and Var relative to the "
            "style's own; paper: the printed sums, with all three weights given")  # fmt: skip
        add("--idt_input", default="color", choices=["color", "gray"], help="what CUT's identity pass is fed: "
            "the style, as in the paper, or the greyed style, so that this pass serves L1 as well")  # fmt: skip
        parser.set_defaults(dataset_mode="grayscale_unaligned")
        if is_train:
            parser.set_defaults(lr_policy="cosine", n_epochs=30, n_epochs_decay=0)
        return parser

    def __init__(self, opt):
        self._fill_in_weights(opt)
        super().__init__(opt)
        self.gray_identity = self.isTrain and opt.idt_input == "gray" and opt.nce_idt and opt.lambda_NCE != 0
        if not self.isTrain:
            return
        weights = {"TV": opt.lambda_TV, "l1": opt.lambda_l1, "Var": opt.lambda_Var}
        self.loss_names += [name for name, weight in weights.items() if weight != 0]
        if opt.lambda_l1 != 0:
            self.visual_names += ["rec_B"]
        if opt.idt_input == "gray" and not self.gray_identity:
            print("--idt_input gray: there is no identity pass without --nce_idt (FastCUT) and --lambda_NCE; left out")
        # Over all style pictures seen: sums of TV per pixel, Var[a], Var[b], and their count.
        self.style_sums = torch.zeros(4, device=self.device)

    @staticmethod
    def _fill_in_weights(opt):
        missing = [flag for flag in STYLE_WEIGHTS if getattr(opt, flag) is None]
        if missing and opt.isTrain and opt.term_units == "paper":
            raise SystemExit(f"error: --term_units paper has no default weights; give --{' --'.join(missing)}")
        for flag in missing:
            setattr(opt, flag, STYLE_WEIGHTS[flag])

    def set_input(self, input):
        """Take a batch; pictures of a plain folder (--dataset_mode single) are greyed here."""
        super().set_input(input)
        if self.opt.dataset_mode == "single":
            self.real_A = to_grayscale(self.real_A)
        if self.isTrain:
            self._see_style()

    def forward(self):
        """As CUT's, of the greyed style where --idt_input says so."""
        if self.gray_identity:
            self.gray_B = to_grayscale(self.real_B)
        with self._identity_input():
            super().forward()

    @contextmanager
    def _identity_input(self):
        """Have CUT find what its identity pass is fed; D alone sees the style itself."""
        if not self.gray_identity:
            yield
            return
        style, self.real_B = self.real_B, self.gray_B
        try:
            yield
        finally:
            self.real_B = style

    def compute_G_loss(self):
        """Return CUT's loss plus the weighted terms; loss_TV, loss_l1 and loss_Var are kept unweighted."""
        opt = self.opt
        with self._identity_input():
            loss = super().compute_G_loss()
        if opt.lambda_TV != 0:
            self.loss_TV = self._tv_term()
            loss = loss + opt.lambda_TV * self.loss_TV
        if opt.lambda_l1 != 0:
            gray = to_grayscale(self.real_B)
            self.rec_B = self._painted_identity() if self.gray_identity else self.netG(gray)
            self.loss_l1 = F.l1_loss(self.rec_B, self.real_B if opt.l1_target == "color" else gray)
            loss = loss + opt.lambda_l1 * self.loss_l1
        if opt.lambda_Var != 0:
            self.loss_Var = self._var_term()
            loss = loss - opt.lambda_Var * self.loss_Var
        self.loss_G = loss
        return loss

    def _painted_identity(self):
        return self.idt_B.flip(3) if getattr(self, "flipped_for_equivariance", False) else self.idt_B

    def _see_style(self):
        """Add the style pictures of this batch, of all processes, to the reference of the units."""
        opt = self.opt
        if opt.term_units == "paper" or (opt.lambda_TV == 0 and opt.lambda_Var == 0):
            return
        seen = torch.zeros_like(self.style_sums)
        n, _, height, width = self.real_B.shape
        if opt.lambda_TV != 0:
            seen[0] = total_variation(self.real_B, opt.tv_beta).sum() / (height * width)
        if opt.lambda_Var != 0:
            seen[1:3] = color_variance(self.real_B).sum(0)
        seen[3] = n
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(seen)
        self.style_sums += seen

    def _tv_term(self):
        variation = total_variation(self.fake_B, self.opt.tv_beta)
        if self.opt.term_units == "paper":
            return variation.mean()
        reference = (self.style_sums[0] / self.style_sums[3]).clamp_min(1e-4)
        return (variation / (self.fake_B.shape[2] * self.fake_B.shape[3]) / reference).mean()

    def _var_term(self):
        variance = color_variance(self.fake_B)
        if self.opt.term_units == "paper":
            return variance.amin(1).mean()
        reference = (self.style_sums[1:3] / self.style_sums[3]).clamp_min(1.0)
        # As varied as the style is enough: without the stop the reward runs to green and magenta.
        return (variance / reference).amin(1).clamp_max(1.0).mean()

    def extra_state(self):
        """Return the reference of the units, which a restart must not forget."""
        return {"style_sums": self.style_sums}

    def load_extra_state(self, state):
        """Restore the reference; without one it is gathered anew."""
        if "style_sums" in state:
            self.style_sums = state["style_sums"].to(self.device)
        else:
            print("no reference of the style in this state: it is gathered anew")
