"""The flags of train.py."""

import argparse
import os
import uuid
from argparse import Namespace
from pathlib import Path

from models import acceleration
from models.gan_loss import GAN_MODES
from models.optimizers import LR_POLICIES
from models.presets import PRESETS
from options import record
from options.base_options import BaseOptions
from options.parser import OneLineParser
from util.errors import UsageError, UserError
from util.run.stop import minutes
from util.run_folder import RunFolder


class TrainOptions(BaseOptions):
    """Shared flags, and those of the loop, the schedule and the reports."""

    is_train = True

    def initialize(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags of training."""
        super().initialize(parser)
        add = parser.add_argument
        add("--preset", choices=PRESETS, help="a recipe: paper = lr 5e-3 on a cosine to 0 over 30 epochs, batch 1, "
            "256x256 images, flips only; small = the same for a CPU: lr 2e-4, 7 epochs, 64x64, 16 filters, 6 blocks; "
            "best, best_small = for --model colorcut: the sizes of paper and small, with the luma kept")  # fmt: skip
        add("--save_latest_freq", type=int, default=5000, help="save the latest state every N images")
        add("--save_epoch_freq", type=int, default=5, help="save a checkpoint every N epochs")
        add("--evaluation_freq", type=int, default=5000, help="accepted for CUT's scripts: neither CUT nor we read it")
        add("--save_by_iter", action="store_true", help="keep each save of the latest networks as iter_N")
        add("--val_freq", type=int, default=0, help="every N epochs measure the colors on a tenth of the style images, "
            "which training does not see, and keep the best networks as best_net_*.pth; 0: never")  # fmt: skip
        add("--continue_train", action="store_true", help="continue from the latest state of the run --name")
        add("--overwrite", action="store_true", help="delete the states and networks of the run "
            "--name, and train anew")  # fmt: skip
        add("--keep_states", type=int, default=2, metavar="N", help="keep the latest N states. --continue_train reads "
            "an earlier one if the latest is damaged")  # fmt: skip
        add("--time_limit", type=minutes, default=0.0, metavar="MINUTES|H:MM:SS", help="save and stop when the program "
            "has run for this time, which includes the save; 0: never")  # fmt: skip
        add("--on_nan", default="stop", choices=["stop", "rollback"], help="when a loss is no longer a finite number: "
            "stop; or go on from the latest state with half the learning rate, at most three times")  # fmt: skip
        add("--epoch_count", type=int, default=1, help="number of the first epoch; a saved state has its own")
        add("--on_bad_image", default="error", choices=["error", "skip"], help="a file that is not a readable image: "
            "error, before training wherever its header shows it; or skip it with a warning")  # fmt: skip
        add("--phase", default="train", help="which folders are read: PHASEA, PHASEB")
        add("--cache", default="auto", choices=["auto", "off"], help="auto: keep decoded and scaled images in memory "
            "if all of them fit into half of the free memory")  # fmt: skip
        add("--pretrained_name", help="start from the networks of another run")
        add("--accumulate", type=int, default=1, metavar="N", help="gradient accumulation: N micro-batches of "
            "batch_size per optimizer step")  # fmt: skip
        add("--max_memory_report", action="store_true", help="print the memory of a training step")
        acceleration.add_flags(parser)
        self._add_report_flags(parser)
        self._add_schedule_flags(parser)

    @staticmethod
    def _add_report_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--print_freq", type=int, default=100, help="log the losses every N images")
        add("--quiet", action="store_true", help="print errors and warnings only")
        add("--no_html", action="store_true", help="no training page")
        add("--update_html_freq", type=int, default=1000, help="update the training page every N images")
        add("--tensorboard", action="store_true", help="write curves and images for TensorBoard too")
        add("--display_id", type=int, help="0 or less: no visdom; another number: prefix of this run's windows instead "
            "of --name. Not given: visdom is used if it is installed")  # fmt: skip
        add("--display_freq", type=int, default=400, help="show images on visdom and TensorBoard every N images")
        add("--display_ncols", type=int, default=4, help="images in a row on visdom; 0: a window for each")
        add("--display_server", default="http://localhost", help="address of the visdom server; see scripts/monitor.sh")
        add("--display_port", type=int, default=8097, help="port of the visdom server")
        add("--display_env", default="main", help="visdom environment")
        add("--display_username", help="user name, if the server asks for one")
        add("--display_password", help="password; default: the environment variable VISDOM_PASSWORD, which lists of "
            "processes do not show")  # fmt: skip

    @staticmethod
    def _add_schedule_flags(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--n_epochs", type=int, default=200, help="epochs at the initial learning rate, with the linear policy")
        add("--n_epochs_decay", type=int, default=200, help="epochs over which it then falls to 0; others add both")
        add("--beta1", type=float, default=0.5, help="beta1 of Adam")
        add("--beta2", type=float, default=0.999, help="beta2 of Adam")
        add("--ema", type=float, default=0.0, metavar="DECAY", help="save a moving average of the generator's weights "
            "with this decay, such as 0.99, instead of the weights; 0: off")  # fmt: skip
        add("--lr", type=float, default=0.0002, help="initial learning rate of Adam")
        add("--gan_mode", default="lsgan", choices=GAN_MODES, help="GAN loss")
        add("--lambda_gp", type=float, default=0.0, help="weight of the gradient penalty; 10 in the WGAN-GP paper")
        add("--pool_size", type=int, default=50, help="size of the image pool that the discriminator is trained on")
        add("--lr_policy", default="linear", choices=LR_POLICIES, help="learning-rate schedule; cosine falls to 0 over "
            "n_epochs + n_epochs_decay")  # fmt: skip
        add("--lr_decay_iters", type=int, default=50, help="epochs between two steps of --lr_policy step")

    def restore(self, parser: OneLineParser) -> dict[str, object]:
        """Return every flag of the run with --continue_train."""
        given = parser.parse_known(self.argv, {})
        folder = RunFolder.of(given)
        if not given.continue_train:
            return {}
        if given.overwrite:
            raise UsageError("--overwrite: it deletes the run that --continue_train continues; give one of both")
        if not folder.path.is_dir():
            raise UserError(f"--continue_train: there is no run {folder.path}")
        of_state = {} if record.is_upstream(folder) else record.of_state(folder)
        return of_state or record.load(folder)

    def finish(self, opt: Namespace) -> None:
        """Find where the run continues, and check the values of training flags."""
        super().finish(opt)
        self._find_start(opt)
        if opt.n_epochs + opt.n_epochs_decay < 1:
            raise UsageError("--n_epochs and --n_epochs_decay: expected a sum of 1 or more")
        self._check_start(opt)
        if opt.crop_size < 24:
            raise UsageError(f"--crop_size {opt.crop_size}: expected 24 or more for the discriminator")
        opt.display_password = opt.display_password or os.environ.get("VISDOM_PASSWORD")
        if "@" in opt.display_server:
            raise UsageError("--display_server: leave user and password out of the address, which is recorded; "
                             "see --display_username")  # fmt: skip
        self.disabled = acceleration.resolve_acceleration(opt)
        opt.run_id = self.restored.get("run_id") or uuid.uuid4().hex  # which tells the states of runs apart

    def _find_start(self, opt: Namespace) -> None:
        """Decide whether the run continues from its state, or from networks alone and in which epoch."""
        folder = RunFolder.of(opt)
        last_in_upstream, has_state = record.is_upstream(folder), bool(folder.states())
        opt.from_state = opt.continue_train and opt.epoch == "latest" and has_state and not last_in_upstream
        if not opt.continue_train:
            return
        if (opt.val_freq > 0) != (self.restored.get("val_freq", 0) > 0):
            raise UsageError("--val_freq holds style images out from the beginning of a run: start a new one")
        if opt.from_state:
            if "epoch_count" in self.explicit:
                print(f"--epoch_count {opt.epoch_count} is ignored: the state has its own epoch")
                opt.epoch_count = self.restored.get("epoch_count", 1)
        elif "epoch_count" not in self.explicit:
            opt.epoch_count = int(opt.epoch) + 1 if opt.epoch.isdecimal() else record.next_epoch(folder)
        if last_in_upstream and has_state:
            print(f"CUT trained this run after {folder.state} was written: its networks are used, not that state")

    def _check_start(self, opt: Namespace) -> None:
        """Raise an error for a start that flags ask for and that is not there."""
        if opt.pretrained_name:
            folder = RunFolder(Path(opt.checkpoints_dir) / opt.pretrained_name)
            if not folder.path.is_dir():
                raise UserError(f"--pretrained_name {opt.pretrained_name}: there is no run {folder.path}")
        elif not opt.continue_train and opt.epoch != "latest":
            raise UsageError(f"--epoch {opt.epoch}: it is what --continue_train or --pretrained_name loads; give one")
        last_epoch = opt.n_epochs + opt.n_epochs_decay
        if not opt.continue_train and opt.epoch_count > last_epoch:
            raise UsageError(f"--epoch_count {opt.epoch_count}: the last epoch is {last_epoch}")
