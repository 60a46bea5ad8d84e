"""The flags of train.py."""

import argparse
import os
from argparse import Namespace

from options import record
from options.base_options import BaseOptions, run_folder
from options.parser import OneLineParser
from util.device import serve
from util.errors import UserError
from util.run.state import state_path
from util.util import str2bool


class TrainOptions(BaseOptions):
    """Shared flags, and those of the loop, the schedule and the pages."""

    is_train = True

    def initialize(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags of training."""
        super().initialize(parser)
        add = parser.add_argument
        add("--preset", choices=["paper", "small"], default=None, help="a recipe: paper = lr 5e-3 on a cosine to 0 "
            "over 30 epochs, batch 1, 256x256 pictures, flips only; small = the same on a CPU: lr 2e-4, 7 epochs, "
            "64x64, 16 filters, 6 blocks")  # fmt: skip
        add("--save_latest_freq", type=int, default=5000, help="pictures between two saves of the latest state")
        add("--save_epoch_freq", type=int, default=5, help="epochs between two saved epochs")
        add("--evaluation_freq", type=int, default=5000, help="for upstream's scripts: read by nothing, there or here")
        add("--save_by_iter", action="store_true", help="keep each save of the latest networks under iter_N")
        add("--continue_train", action="store_true", help="go on from the latest state of the run --name")
        add("--epoch_count", type=int, default=1, help="number of the first epoch; a saved state knows its own")
        add("--phase", default="train", help="which folders are read: PHASEA, PHASEB")
        add("--cache", default="auto", choices=["auto", "off"], help="auto: keep decoded and scaled pictures in memory "
            "if all of them fit into half of what is free")  # fmt: skip
        add("--pretrained_name", default=None, help="start from the networks of another run")
        self._add_report_flags(parser)
        self._add_schedule_flags(parser)
        self._add_speed_flags(parser)

    @staticmethod
    def _add_speed_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--accumulate", type=int, default=1, metavar="N", help="a step takes N batches and holds one in memory: "
            "the step of a batch N times as large, in more time")  # fmt: skip
        switch = {"type": str2bool, "nargs": "?", "const": True, "default": False}
        add("--fast", **switch, help="all that makes a GPU faster: --amp bf16 --tf32 --compile --cuda_graph")
        add("--amp", default=None, choices=["off", "bf16", "fp16"], help="convolutions and products in 16 bits, on a "
            "GPU; fp16 with scaled losses. Not given: off, and bf16 with --fast")  # fmt: skip
        add("--tf32", **switch, help="matrix products in TF32, on a GPU; convolutions are by default")
        add("--compile", **switch, help="compile the networks, on a GPU; takes minutes at the start")
        add("--cuda_graph", **switch, help="record a step once and replay it, on a GPU")
        add("--max_memory_report", action="store_true", help="print what a step takes in memory, part by part")

    @staticmethod
    def _add_report_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--print_freq", type=int, default=100, help="pictures between two lines of losses and two points of curves")
        add("--quiet", action="store_true", help="print nothing but errors and warnings")
        add("--no_html", action="store_true", help="no training page")
        add("--update_html_freq", type=int, default=1000, help="pictures between two updates of the training page")
        add("--tensorboard", action="store_true", help="write curves and pictures for TensorBoard too")
        add("--display_id", type=int, default=None, help="0 or less: no visdom; another number: name of this run's "
            "windows there, instead of --name. Not given: visdom is used where it is installed")  # fmt: skip
        add("--display_freq", type=int, default=400, help="pictures between two panels of pictures on visdom")
        add("--display_ncols", type=int, default=4, help="pictures side by side in the panel; 0: a window for each")
        add("--display_server", default="http://localhost", help="where visdom's server is; see scripts/monitor.sh")
        add("--display_port", type=int, default=8097, help="its port")
        add("--display_env", default="main", help="its environment")
        add("--display_username", default=None, help="user, where the server asks for one")
        add("--display_password", default=None, help="its password; not given: that of the environment variable "
            "VISDOM_PASSWORD, which no list of processes shows")  # fmt: skip

    @staticmethod
    def _add_schedule_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--n_epochs", type=int, default=200, help="epochs at the initial learning rate")
        add("--n_epochs_decay", type=int, default=200, help="epochs over which it then falls to 0")
        add("--beta1", type=float, default=0.5, help="Adam's first momentum")
        add("--beta2", type=float, default=0.999, help="Adam's second momentum")
        add("--lr", type=float, default=0.0002, help="Adam's initial learning rate")
        modes = ["lsgan", "vanilla", "wgangp", "nonsaturating"]
        add("--gan_mode", default="lsgan", choices=modes, help="GAN loss")
        add("--lambda_gp", type=float, default=0.0, help="weight of the gradient penalty; the WGAN-GP paper has 10")
        add("--pool_size", type=int, default=50, help="generated pictures kept to train the discriminator on")
        policies = ["linear", "step", "plateau", "cosine"]
        add("--lr_policy", default="linear", choices=policies, help="how the learning rate falls; cosine falls to 0 "
            "over n_epochs + n_epochs_decay")  # fmt: skip
        add("--lr_decay_iters", type=int, default=50, help="epochs between two steps of --lr_policy step")

    def restore(self, parser: OneLineParser) -> dict[str, object]:
        """With --continue_train, every flag of the run, so that none has to be repeated."""
        given = parser.parse_known(self.argv, {})
        folder = run_folder(given)
        if given.continue_train and not folder.is_dir():
            raise UserError(f"--continue_train: there is no run {folder}")
        return record.load(folder) if given.continue_train else {}

    def finish(self, opt: Namespace) -> None:
        """Find where the run goes on, and check the numbers of the schedule."""
        super().finish(opt)
        self._find_start(opt)
        if opt.n_epochs + opt.n_epochs_decay < 1:
            raise UserError("--n_epochs and --n_epochs_decay add up to no epoch at all")
        if opt.crop_size < 24:
            raise UserError(f"--crop_size {opt.crop_size}: expected 24 or more, the discriminator sees no less")
        opt.display_password = opt.display_password or os.environ.get("VISDOM_PASSWORD")
        if "@" in opt.display_server:
            raise UserError("--display_server: user and password do not belong into the address, which is recorded; "
                            "see --display_username")  # fmt: skip
        if opt.accumulate < 1:
            raise UserError(f"--accumulate {opt.accumulate}: expected 1 or more")
        self.left_out = serve(opt)
        if opt.lr <= 0:
            raise UserError(f"--lr {opt.lr}: expected more than 0")

    def _find_start(self, opt: Namespace) -> None:
        """Decide whether the run goes on from its state, or from networks alone and in which epoch."""
        folder = run_folder(opt)
        state = state_path(opt)
        last_in_upstream = record.is_upstream(folder)
        opt.from_state = opt.continue_train and opt.epoch == "latest" and state.is_file() and not last_in_upstream
        if not opt.continue_train:
            return
        if opt.from_state:
            if "epoch_count" in self.explicit:
                print(f"--epoch_count {opt.epoch_count} is not needed: the state knows its epoch")
                opt.epoch_count = self.restored.get("epoch_count", 1)
        elif "epoch_count" not in self.explicit:
            opt.epoch_count = int(opt.epoch) + 1 if opt.epoch.isdecimal() else record.next_epoch(folder)
        if last_in_upstream and state.is_file():
            print(f"trained in CUT since {state} was written: its networks count, not that state")
