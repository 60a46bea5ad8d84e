"""--model test: one generator of a trained model, on a plain folder of images."""

import argparse
from argparse import Namespace

from models.base_model import BaseModel
from models.color_losses import with_luma_of
from util.errors import UsageError
from util.util import str2bool


class TestModel(BaseModel):
    """Runs the generator in `EPOCH_net_G{model_suffix}.pth` of a run: `_A` or `_B` for CycleGAN's."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Add the suffix."""
        if is_train:
            raise UsageError("--model test is for test.py")
        parser.set_defaults(dataset_mode="single")
        parser.add_argument("--model_suffix", default="", help="_A or _B: which generator of CycleGAN")
        parser.add_argument("--keep_luma", type=str2bool, nargs="?", const=True, default=False,
                            help="for a generator that was trained with it")  # fmt: skip
        return parser

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.visual_names = ["real_A", "fake_B"]
        name = f"G{opt.model_suffix}"
        self.model_names = [name]
        self.netG = self.make_generator(opt.input_nc, opt.output_nc)
        setattr(self, f"net{name}", self.netG)

    def forward(self) -> None:
        """Compute fake_B = G(A)."""
        self.fake_B = self.translate(self.netG, self.real_A)
        if self.opt.keep_luma:
            self.fake_B = with_luma_of(self.fake_B, self.real_A)

    def optimize_parameters(self) -> None:
        """Raise NotImplementedError: this model is for test.py alone."""
        raise NotImplementedError("--model test is for test.py")
