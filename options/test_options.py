"""The flags of test.py and evaluate.py."""

import argparse
from argparse import Namespace

from data.preprocess import tests_at_load_size, whole_image_steps
from options import record
from options.base_options import BaseOptions
from options.parser import OneLineParser
from util.run_folder import RunFolder

# The flags that define the generator or how images are read.
_RESTORED = [
    "model", "dataset_mode", "direction", "input_nc", "output_nc", "ngf", "netG", "normG", "no_dropout", "no_antialias",
    "no_antialias_up", "stylegan2_G_num_downsampling", "context", "keep_luma",
    "preprocess", "load_size", "crop_size", "gray_range", "gray_stretch",
]  # fmt: skip


class TestOptions(BaseOptions):
    """Shared flags and those of the results. The flags of the run are restored from its record."""

    __test__ = False  # not a test case, although pytest would collect the name
    is_train = False

    def initialize(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags of testing."""
        super().initialize(parser)
        add = parser.add_argument
        add("--results_dir", default="./results/", help="where results are written")
        add("--phase", default="test", help="which folders are read: PHASEA, PHASEB")
        add("--eval", action="store_true", help="accepted for CUT's scripts: eval mode is always on")
        add("--num_test", type=int, default=float("inf"), help="color at most this many images")

    def restore(self, parser: OneLineParser) -> dict[str, object]:
        """Return the flags of the training run that define networks or how images are read."""
        given = parser.parse_known(self.argv, {})
        recorded = record.load(RunFolder.of(given))
        if not recorded:
            print(f"no train_opt.* in {given.checkpoints_dir}/{given.name}: network flags are taken as given")
        restored = {name: recorded[name] for name in _RESTORED if name in recorded}
        if given.model == "test":  # one generator of any model
            restored = {name: value for name, value in restored.items() if name not in ("model", "dataset_mode")}
        restored["gray"] = recorded.get("dataset_mode") in ("grayscale_unaligned", "colorization")
        return restored

    def finish(self, opt: Namespace) -> None:
        """Take whole images, one at a time, in order: crops and flips are for training."""
        if "preprocess" not in self.explicit:
            opt.preprocess = whole_image_steps(opt.preprocess)
        if "load_size" not in self.explicit and not tests_at_load_size(opt.preprocess):
            opt.load_size = 0  # crop_size
        super().finish(opt)
        opt.batch_size, opt.serial_batches, opt.no_flip = 1, True, True
