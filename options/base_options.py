"""Flags shared by training and testing, and how their values are resolved."""

import argparse
import os
import random
import sys
from argparse import Namespace

from data import DATASETS
from data.image_reader import MAX_MEGAPIXELS
from data.preprocess import PREPROCESS_STEPS, check_preprocess
from models import MODELS
from models.networks.build import DISCRIMINATORS, GENERATORS
from models.networks.init import INIT_TYPES
from models.networks.layers import NORMS
from options import record
from options.parser import OneLineParser, explicit_flags
from options.ranges import check_gray_range, check_ranges
from util.device import device_of, parse_gpu_ids
from util.errors import UsageError
from util.run.run_record import RunRecord
from util.run_folder import RunFolder, check_name
from util.util import str2bool


class BaseOptions:
    """Parses a command line with CUT's flags.

    The model and the dataset named there add flags and defaults of their own through
    `modify_commandline_options(parser, is_train)`. Where a value comes from, strongest first: the flag as given, the
    record of the run, the preset (`presets` on the model class), the default.
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
        add("--dataroot", help="folder of images, with subfolders trainA, trainB, testA, testB")
        add("--name", default="experiment_name", help="name of the run: its folder in checkpoints and results")
        add("--easy_label", default="experiment_name", help="accepted for CUT's scripts, not used")
        add("--gpu_ids", default="auto", help="auto: the first accelerator (CUDA, then Apple's MPS, which is untested) "
            "or the CPU; 0; -1: CPU; 0,1 or auto under torchrun: one for each process")  # fmt: skip
        add("--checkpoints_dir", default="./checkpoints", help="where runs are saved")
        add("--seed", type=int, help="seed of all random numbers; drawn and recorded when not given")
        add("--dry_run", action="store_true", help="print options, networks and dataset sizes, then exit")
        self._add_network_flags(parser)
        self._add_data_flags(parser)
        add("--epoch", default="latest", help="which saved epoch to load")
        add("--verbose", action="store_true", help="print the networks layer by layer")
        add("--suffix", default="", help="appended to --name, such as {model}_{netG}_size{load_size}")

    @staticmethod
    def _add_network_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        switch = {"type": str2bool, "nargs": "?", "const": True}
        add("--model", default="cut", help=f"which model: {', '.join(MODELS.names())}")
        add("--input_nc", type=int, default=3, help="channels of input images")
        add("--output_nc", type=int, default=3, help="channels of output images")
        add("--ngf", type=int, default=64, help="filters in the generator's last convolution")
        add("--ndf", type=int, default=64, help="filters in the discriminator's first convolution")
        add("--netD", default="basic", choices=DISCRIMINATORS, help="discriminator; basic is the 70x70 PatchGAN")
        add("--netG", default="resnet_9blocks", choices=GENERATORS, help="generator")
        add("--n_layers_D", type=int, default=3, help="layers of the discriminator, for --netD n_layers")
        add("--normG", default="instance", choices=NORMS, help="normalization in the generator; layer keeps the "
            "overall lightness of an image, which instance removes")  # fmt: skip
        add("--context", **switch, default=False, help="the generator also gets the height in the image and its "
            "lightness, local and overall")  # fmt: skip
        add("--normD", default="instance", choices=NORMS, help="normalization in the discriminator")
        add("--init_type", default="xavier", choices=INIT_TYPES, help="weight initialization")
        add("--init_gain", type=float, default=0.02, help="its gain, for normal, xavier and orthogonal")
        add("--no_dropout", **switch, default=True, help="no dropout in the generator")
        add("--stylegan2_G_num_downsampling", type=int, default=1, help="downsamplings of --netG stylegan2")
        add("--no_antialias", action="store_true", help="strided convolutions instead of blur and subsample")
        add("--no_antialias_up", action="store_true", help="transposed convolutions instead of blurred upsampling")

    @staticmethod
    def _add_data_flags(parser: argparse.ArgumentParser) -> None:
        add, infinite = parser.add_argument, float("inf")
        add("--dataset_mode", default="unaligned", help=f"how images are loaded: {', '.join(DATASETS.names())}")
        add("--direction", default="AtoB", choices=["AtoB", "BtoA"], help="which domain is the source")
        add("--serial_batches", action="store_true", help="take images in order instead of at random")
        add("--num_threads", type=int, default=4, help="worker processes that load images; 0 = none")
        add("--batch_size", type=int, default=1, help="images in a batch")
        add("--load_size", type=int, default=286, help="scale images to this size; 0 = crop_size. Unaligned data uses "
            "crop_size after --n_epochs epochs")  # fmt: skip
        add("--crop_size", type=int, default=256, help="then crop to this size")
        add("--max_megapixels", type=float, default=MAX_MEGAPIXELS, help="images with more pixels are not read")
        add("--max_dataset_size", type=int, default=infinite, help="use at most this many images of a folder")
        steps = ", ".join(PREPROCESS_STEPS)
        add("--preprocess", default="resize_and_crop", help=f"scaling and cropping: {steps}, joined by _and_, or none")
        add("--random_scale_max", type=float, default=3.0, help="for --dataset_mode singleimage and single_style: "
            "crops are taken from the image scaled to between 1 / this and 1")  # fmt: skip
        add("--no_flip", action="store_true", help="no random horizontal flips")
        add("--gray_range", type=float, nargs=2, metavar=("LOW", "HIGH"),
            help="black and white in 16-bit gray images; default 0 65535; for 12-bit scans 0 4095")  # fmt: skip
        add("--gray_stretch", action="store_true", help="stretch each 16-bit image from its darkest to its brightest")
        add("--display_winsize", type=int, default=256, help="width of images on the pages and on visdom, in pixels")

    def parse(self) -> Namespace:
        """Resolve every option and return them; `gpu_ids` becomes a list, `device` and `isTrain` are added.

        Raises:
            UsageError: for an unknown flag or a wrong value.
            UserError: for a run that cannot be restored.
        """
        parser = OneLineParser.of_program()
        self.initialize(parser)
        self.restored = self.restore(parser)
        try:
            return self._resolve(parser)
        except UsageError as error:
            flag = str(error).split()[0].strip("-:")
            given = {word.split("=")[0] for word in self.argv}
            if flag in self.restored and f"--{flag}" not in given:
                path = record.path_of(RunFolder.of(parser.parse_known(self.argv, {})))
                raise UsageError(f"{path} says {error}; a flag given on the command line wins") from None
            raise

    def _resolve(self, parser: OneLineParser) -> Namespace:
        restored = self.restored
        known = parser.parse_known(self.argv, restored)
        model_class = MODELS.find(known.model)
        model_class.modify_commandline_options(parser, self.is_train)
        known = parser.parse_known(self.argv, restored)
        DATASETS.find(known.dataset_mode).modify_commandline_options(parser, self.is_train)
        parser.check_unknown(self.argv)

        self.explicit = explicit_flags(parser, self.argv)
        self.defaults = vars(parser.parse_args([]))
        restored = parser.typed({name: value for name, value in restored.items() if name not in self.explicit})
        chosen = {**self.defaults, **restored, **self.explicit}
        # A preset of the record has done its work: a value that it has gained since is not that of the run.
        presets = preset_values(model_class, {flag: chosen[flag] for flag in chosen if flag not in restored})
        if not presets.keys() <= self.defaults.keys():
            raise UsageError(f"--preset {chosen['preset']} is not for --model {chosen['model']}: it has no "
                             f"--{', --'.join(sorted(presets.keys() - self.defaults.keys()))}")  # fmt: skip
        opt = Namespace(**{**self.defaults, **presets, **restored, **self.explicit}, isTrain=self.is_train)
        self.finish(opt)
        return opt

    def restore(self, parser: OneLineParser) -> dict[str, object]:
        """Return options from the record of an earlier run; none here."""
        return {}

    def finish(self, opt: Namespace) -> None:
        """Derive values that depend on several options, and check what argparse cannot."""
        opt.gpu_ids = parse_gpu_ids(opt.gpu_ids)
        opt.device = device_of(opt.gpu_ids)
        if opt.dataroot is None:
            raise UsageError("--dataroot is missing: the folder that holds the images")
        opt.load_size = opt.load_size or opt.crop_size
        if opt.suffix and "suffix" in self.explicit:
            try:
                suffix = opt.suffix.format(**vars(opt))
            except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
                raise UsageError(f"--suffix {opt.suffix}: expected names of options in braces, not {error}") from None
            opt.name = f"{opt.name}_{suffix}"
            check_name("suffix", opt.name)
            if "/" in suffix or os.sep in suffix:
                raise UsageError(f"--suffix {opt.suffix}: it is {suffix!r} here; expected no folder")
        for flag in ("name", "epoch", "pretrained_name"):  # parts of paths
            if getattr(opt, flag, None) is not None:
                check_name(flag, str(getattr(opt, flag)))
        check_ranges(opt)
        check_gray_range(opt.gray_range)
        for flag in ("input_nc", "output_nc"):
            if getattr(opt, flag) != 3:
                raise UsageError(f"--{flag} {getattr(opt, flag)}: expected 3, because images are read as RGB")
        check_preprocess(opt.preprocess)
        if {"zoom", "patch"} & {*opt.preprocess.split("_and_")} and opt.dataset_mode != "singleimage":
            raise UsageError(f"--preprocess {opt.preprocess}: zoom and patch are for --dataset_mode singleimage")
        if opt.seed is None:
            opt.seed = random.SystemRandom().randrange(2**31)

    def print_options(self, opt: Namespace) -> None:
        """Print the resolved options, each with its default where it differs."""
        print(self.as_text(opt))

    def as_text(self, opt: Namespace) -> str:
        """Return the resolved options one a line, each with its default where it differs."""
        return record.as_text(opt, self.defaults)

    def record(self, opt: Namespace) -> RunRecord:
        """Return the record of the resolved options, to be written into the run's folder."""
        return record.of(opt, self.defaults)


def preset_values(model_class: type, chosen: dict[str, object]) -> dict[str, object]:
    """Return the defaults that the chosen flags imply: `model_class.presets[flag][value]` is a dict of them."""
    values: dict[str, object] = {}
    for flag, defaults_of in model_class.presets.items():
        values.update(defaults_of.get(chosen.get(flag), {}))
    return values
