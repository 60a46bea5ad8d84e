"""Flags shared by training and testing, and how their values are resolved."""

import argparse
import random
import sys
from argparse import Namespace
from pathlib import Path

import data
import models
from options import record
from options.parser import OneLineParser, explicit_flags
from util.device import device_of, parse_gpu_ids
from util.errors import UserError
from util.util import str2bool


class BaseOptions:
    """Parse a command line in upstream's vocabulary.

    The model and the dataset named on the command line add their own flags and defaults through
    `modify_commandline_options(parser, is_train)`. A value comes from, strongest first: the flag as given, what
    the run's record restores, the preset chosen (`presets` on the model class), the default.
    """

    is_train: bool

    def __init__(self, cmd_line: str | list[str] | None = None):
        """Args: cmd_line: the arguments; None = those of the program."""
        self.argv = cmd_line.split() if isinstance(cmd_line, str) else cmd_line
        if self.argv is None:
            self.argv = sys.argv[1:]

    def initialize(self, parser: argparse.ArgumentParser) -> None:
        """Declare the shared flags; subclasses add theirs."""
        add = parser.add_argument
        add("--dataroot", default=None, help="folder of pictures, with subfolders trainA, trainB, testA, testB")
        add("--name", default="experiment_name", help="name of the run: its folder in checkpoints and results")
        add("--easy_label", default="experiment_name", help="a readable name for the run")
        add(
            "--gpu_ids",
            default="auto",
            help="auto: the first accelerator (CUDA, then Apple's MPS, which is untested), else the CPU; 0; -1: CPU; "
            "0,1 or auto under torchrun: each process takes its own",
        )
        add("--checkpoints_dir", default="./checkpoints", help="where runs are saved")
        add("--seed", type=int, default=None, help="seed of all randomness; drawn and recorded when not given")
        add("--dry_run", action="store_true", help="print options, networks and data set sizes, then exit")
        self._add_network_flags(parser)
        self._add_data_flags(parser)
        add("--epoch", default="latest", help="which saved epoch to load")
        add("--verbose", action="store_true", help="print the networks layer by layer")
        add("--suffix", default="", help="appended to --name, e.g. {model}_{netG}_size{load_size}")

    @staticmethod
    def _add_network_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--model", default="cut", help=f"which model: {', '.join(models.names())}")
        add("--input_nc", type=int, default=3, help="channels of input pictures")
        add("--output_nc", type=int, default=3, help="channels of output pictures")
        add("--ngf", type=int, default=64, help="filters in the generator's last convolution")
        add("--ndf", type=int, default=64, help="filters in the discriminator's first convolution")
        netD = ["basic", "n_layers", "pixel"]
        add("--netD", default="basic", choices=netD, help="discriminator; basic is the 70x70 PatchGAN")
        netG = ["resnet_9blocks", "resnet_6blocks", "resnet_4blocks", "unet_256", "unet_128"]
        add("--netG", default="resnet_9blocks", choices=netG, help="generator")
        add("--n_layers_D", type=int, default=3, help="layers of the discriminator, for --netD n_layers")
        norms = ["instance", "batch", "none"]
        add("--normG", default="instance", choices=norms, help="normalization in the generator")
        add("--normD", default="instance", choices=norms, help="normalization in the discriminator")
        inits = ["normal", "xavier", "kaiming", "orthogonal"]
        add("--init_type", default="xavier", choices=inits, help="initialization of weights")
        add("--init_gain", type=float, default=0.02, help="its scale, for normal, xavier and orthogonal")
        add("--no_dropout", type=str2bool, nargs="?", const=True, default=True, help="no dropout in the generator")
        add("--no_antialias", action="store_true", help="strided convolutions instead of blur and subsample")
        add("--no_antialias_up", action="store_true", help="transposed convolutions instead of blurred upsampling")

    @staticmethod
    def _add_data_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--dataset_mode", default="unaligned", help=f"how pictures are loaded: {', '.join(data.names())}")
        add("--direction", default="AtoB", choices=["AtoB", "BtoA"], help="which domain is the source")
        add("--serial_batches", action="store_true", help="take pictures in order rather than at random")
        add("--num_threads", type=int, default=4, help="processes that load pictures; 0 = none besides training")
        add("--batch_size", type=int, default=1, help="pictures in a batch")
        add("--load_size", type=int, default=286, help="scale pictures to this size; in unaligned data: to crop_size"
            " once the learning rate decays")  # fmt: skip
        add("--crop_size", type=int, default=256, help="then crop to this size")
        add("--max_dataset_size", type=int, default=float("inf"), help="use at most this many pictures a folder")
        add("--preprocess", default="resize_and_crop", help="how pictures are scaled and cropped: words of "
            f"{', '.join(data.PREPROCESS_STEPS)} joined by _and_, or none")  # fmt: skip
        add("--no_flip", action="store_true", help="no random horizontal flips")
        add("--gray_range", type=float, nargs=2, default=None, metavar=("LOW", "HIGH"),
            help="16-bit grey values shown as black and white; default 0 65535; 0 4095 for 12-bit scans")  # fmt: skip
        add("--gray_stretch", action="store_true", help="stretch each 16-bit picture from its darkest to brightest")
        add("--display_winsize", type=int, default=256, help="width of pictures on the pages, in pixels")

    def parse(self) -> Namespace:
        """Resolve every option and return them; `gpu_ids` becomes a list, `device` and `isTrain` are added.

        Raises:
            UserError: in one line, for an unknown flag, a bad value, or a run that cannot be restored.
        """
        parser = OneLineParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False)
        self.initialize(parser)
        self.restored = self.restore(parser)
        try:
            return self._resolved(parser)
        except UserError as error:
            flag = str(error).split()[0].strip("-:")
            given = {word.split("=")[0] for word in self.argv}
            if flag in self.restored and f"--{flag}" not in given:
                folder = run_folder(parser.parse_known(self.argv, {}))
                raise UserError(f"{record.path_of(folder)} says {error}; a flag given here wins") from None
            raise

    def _resolved(self, parser: OneLineParser) -> Namespace:
        restored = self.restored
        known = parser.parse_known(self.argv, restored)
        model_class = models.find_model(known.model)
        model_class.modify_commandline_options(parser, self.is_train)
        known = parser.parse_known(self.argv, restored)
        data.find_dataset(known.dataset_mode).modify_commandline_options(parser, self.is_train)
        parser.check_unknown(self.argv)

        self.explicit = explicit_flags(parser, self.argv)
        defaults = vars(parser.parse_args([]))
        restored = parser.typed({name: value for name, value in restored.items() if name not in self.explicit})
        chosen = {**defaults, **restored, **self.explicit}
        values = {**defaults, **preset_values(model_class, chosen)}
        opt = Namespace(**{**values, **restored, **self.explicit})
        opt.isTrain = self.is_train
        self.defaults = defaults
        self.finish(opt)
        return opt

    def restore(self, parser: OneLineParser) -> dict[str, object]:
        """Return options taken from the record of an earlier run; none here."""
        return {}

    def finish(self, opt: Namespace) -> None:
        """Derive what depends on several options, and check what argparse cannot."""
        opt.gpu_ids = parse_gpu_ids(opt.gpu_ids)
        opt.device = device_of(opt.gpu_ids)
        if opt.dataroot is None:
            raise UserError("--dataroot is missing: the folder that holds the pictures")
        opt.load_size = opt.load_size or opt.crop_size
        if opt.suffix and "suffix" in self.explicit:
            try:
                opt.name = f"{opt.name}_{opt.suffix.format(**vars(opt))}"
            except (KeyError, ValueError, IndexError) as error:
                raise UserError(f"--suffix {opt.suffix}: expected names of options in braces, not {error}") from None
        for flag in ("batch_size", "crop_size", "load_size", "ngf", "ndf", "num_threads"):
            least = 0 if flag == "num_threads" else 1
            if getattr(opt, flag) < least:
                raise UserError(f"--{flag} {getattr(opt, flag)}: expected {least} or more")
        for flag in ("input_nc", "output_nc"):
            if getattr(opt, flag) != 3:
                raise UserError(f"--{flag} {getattr(opt, flag)}: expected 3, pictures are read as RGB")
        if opt.gray_range and opt.gray_range[0] >= opt.gray_range[1]:
            low, high = opt.gray_range
            raise UserError(f"--gray_range {low:g} {high:g}: expected the value of black, then a larger one of white")
        data.check_preprocess(opt.preprocess)
        if opt.seed is None:
            opt.seed = random.SystemRandom().randrange(2**31)

    def print_options(self, opt: Namespace) -> None:
        """Print the resolved options, each with its default where it differs."""
        print(self.as_text(opt))

    def as_text(self, opt: Namespace) -> str:
        """Return the resolved options one a line, each with its default where it differs."""
        return record.as_text(opt, self.defaults)

    def save_options(self, opt: Namespace) -> None:
        """Write the options beside the run's checkpoints, as upstream's text and as JSON."""
        record.save(opt, self.defaults, run_folder(opt))


def run_folder(opt: Namespace) -> Path:
    """Return the folder of the run's checkpoints and record."""
    return Path(opt.checkpoints_dir) / opt.name


def preset_values(model_class: type, chosen: dict[str, object]) -> dict[str, object]:
    """Return what the presets of a model set, given the flags chosen: `presets[flag][value]` is a dict."""
    values: dict[str, object] = {}
    for flag, choices in model_class.presets.items():
        values.update(choices.get(chosen.get(flag), {}))
    return values
