"""The flags of test.py."""

import argparse
from argparse import Namespace

import data
from options import record
from options.base_options import BaseOptions, run_folder
from options.parser import OneLineParser

# What shapes the generator or the treatment of pictures.
_RESTORED = [
    "model",
    "dataset_mode",
    "direction",
    "input_nc",
    "output_nc",
    "ngf",
    "netG",
    "normG",
    "no_dropout",
    "no_antialias",
    "no_antialias_up",
    "preprocess",
    "crop_size",
    "gray_range",
    "gray_stretch",
]


class TestOptions(BaseOptions):
    """Shared flags and those of the results; a run's own flags are restored from its record."""

    __test__ = False  # not a test case, whatever pytest makes of the name
    is_train = False

    def initialize(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags of testing."""
        super().initialize(parser)
        add = parser.add_argument
        add("--results_dir", default="./results/", help="where results go")
        add("--phase", default="test", help="which folders are read: PHASEA, PHASEB")
        add("--eval", action="store_true", help="accepted for upstream's scripts: eval mode is always on")
        add("--num_test", type=int, default=float("inf"), help="colour at most this many pictures")

    def restore(self, parser: OneLineParser) -> dict[str, object]:
        """Return the flags of the training run that shape networks or pictures."""
        given = parser.parse_known(self.argv, {})
        recorded = record.load(run_folder(given))
        if not recorded:
            print(f"no train_opt.* in {given.checkpoints_dir}/{given.name}: network flags are taken as given")
        restored = {name: recorded[name] for name in _RESTORED if name in recorded}
        if given.model == "test":  # one generator of whichever model it was
            restored = {name: value for name, value in restored.items() if name not in ("model", "dataset_mode")}
        restored["gray"] = recorded.get("dataset_mode") in ("grayscale_unaligned", "colorization")
        return restored

    def finish(self, opt: Namespace) -> None:
        """Whole pictures, one at a time, in order: crops and flips are for training."""
        if "preprocess" not in self.explicit:
            opt.preprocess = data.without_random_steps(opt.preprocess)
        super().finish(opt)
        if "load_size" not in self.explicit:
            opt.load_size = opt.crop_size
        opt.batch_size, opt.serial_batches, opt.no_flip = 1, True, True
