"""What a model is: networks, optimizers and schedules, and the lists of what to log, save and show."""

import argparse
import itertools
import warnings
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Hashable
from pathlib import Path

import torch
from torch import nn

from models import checkpoints
from models.acceleration import compile_networks, prepare_device
from models.cuda_graph import RecordedStep
from models.finite_check import FiniteCheck
from models.fitting import build_discriminator, build_generator, check_image_fits
from models.moving_average import MovingAverage
from models.networks.load import load_network
from models.networks.padding import apply_padded
from models.networks.strips import apply_in_strips, needs_strips
from models.optimizers import apply_rates, make_adam, make_scheduler
from models.presets import PRESETS
from models.state_check import check_state
from util import distributed
from util.errors import UsageError
from util.run_folder import RunFolder
from util.util import source_and_style


class BaseModel(ABC):
    """A model fills four lists: `loss_names` (self.loss_NAME), `model_names` (self.netNAME), `visual_names`
    (self.NAME) and `optimizers`. Logs, checkpoints and pages follow from them.
    """

    # {flag: {value: {other flag: default}}}: the defaults that a value of a flag implies.
    presets: dict[str, dict[str, dict[str, object]]] = {"preset": PRESETS}

    def __init__(self, opt: Namespace):
        self.opt = opt
        self.gpu_ids = opt.gpu_ids
        self.isTrain = opt.isTrain
        self.device = opt.device
        self.run_folder = RunFolder.of(opt)
        self.save_dir = self.run_folder.path
        self.loss_names: list[str] = []
        self.model_names: list[str] = []
        self.visual_names: list[str] = []
        self.optimizers: list[torch.optim.Optimizer] = []
        self.schedulers: list = []
        self.image_paths: list[str] = []
        self.metric = 0.0  # what --lr_policy plateau watches: the mean total loss of the last epoch
        self.epoch_loss = torch.zeros(2)  # sum and count of the total loss in this epoch
        self.finite_check = FiniteCheck()
        self.averages: dict[str, MovingAverage] = {}  # of generators by name, with --ema
        self.uses_training_step = False  # set by TrainingStep
        self.recorded_step: RecordedStep | None = None  # with --cuda_graph
        if self.isTrain:
            self.scaler = torch.amp.GradScaler(self.device.type, enabled=opt.acceleration.amp == "fp16")
            prepare_device(opt)

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add flags, or change defaults, for this model."""
        return parser

    # ---- what a subclass defines ------------------------------------------------------------------------------

    def set_input(self, input: dict) -> None:
        """Take a batch. `--direction` says which domain is the source; in a test the style may be absent."""
        source, style = source_and_style(self.opt)
        self.real_A = input[source].to(self.device, non_blocking=True)
        if style in input:
            self.real_B = input[style].to(self.device, non_blocking=True)
        elif self.isTrain:
            raise UsageError(f"--dataset_mode {self.opt.dataset_mode} has no style images: it is for test.py")
        self.image_paths = input[f"{source}_paths"]

    @abstractmethod
    def forward(self) -> None:
        """Compute the images."""

    @abstractmethod
    def optimize_parameters(self) -> None:
        """Take one training step."""

    def compute_visuals(self) -> None:
        """Compute images that only pages need."""

    def graph_key(self) -> Hashable:
        """Return what Python decided for this step. --cuda_graph records one graph for each value."""
        return None

    def extra_state(self) -> dict[str, object]:
        """Return state of a subclass that a restart must not lose: tensors and plain types."""
        return {}

    def load_extra_state(self, state: dict[str, object]) -> None:
        """Restore what `extra_state` returned."""

    # ---- what a subclass is built from ------------------------------------------------------------------------

    def make_generator(self, input_nc: int, output_nc: int) -> nn.Module:
        """Build the generator that the options name."""
        return build_generator(self.opt, input_nc, output_nc)

    def make_discriminator(self, input_nc: int) -> nn.Module:
        """Build the discriminator that the options name."""
        return build_discriminator(self.opt, input_nc)

    def add_adam(self, *nets: nn.Module) -> torch.optim.Optimizer:
        """Make an optimizer for the weights of these networks, and add it to the list."""
        parameters = itertools.chain(*(net.parameters() for net in nets))
        self.optimizers.append(make_adam(parameters, self.opt, self.device))
        return self.optimizers[-1]

    def can_share_pass(self, norm: str) -> bool:
        """Return True if one pass over real_A and real_B together gives the same result as two passes.

        That needs images of one size, no batch norm and no dropout.
        """
        return self.real_A.shape == self.real_B.shape and norm != "batch" and self.opt.no_dropout

    def translate(self, net: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Run a generator on images of any size: pad by reflection to a size it takes, and crop the result.

        In a test large images are computed in strips, with the same result, or a UserError says that they do not fit;
        on a CPU in channels-last order, which is faster for single images.
        """
        if self.isTrain:
            return apply_padded(net, images)
        if self.device.type == "cpu" and all(parameter.dim() <= 4 for parameter in net.parameters()):
            net.to(memory_format=torch.channels_last)
            images = images.to(memory_format=torch.channels_last)
        if needs_strips(net, images):
            check_image_fits(net, images, self.image_paths[0])
            return torch.cat([apply_in_strips(net, image) for image in images.split(1)])
        return apply_padded(net, images)

    @staticmethod
    def set_requires_grad(nets: nn.Module | list[nn.Module], requires_grad: bool = False) -> None:
        """Switch gradients of one or several networks on or off."""
        for net in nets if isinstance(nets, list) else [nets]:
            net.requires_grad_(requires_grad)

    # ---- what train.py and test.py call ---------------------------------------------------------------------

    def setup(self, opt: Namespace) -> None:
        """Make the schedules, or load the networks to be tested."""
        if not self.isTrain:
            self.load_networks(opt.epoch)
            self.eval()
            return
        self.schedulers = [make_scheduler(optimizer, opt) for optimizer in self.optimizers]
        if opt.pretrained_name:
            self.load_networks(opt.epoch, RunFolder(Path(opt.checkpoints_dir) / opt.pretrained_name))
        if opt.ema > 0:
            generators = {name: net for name, net in self.networks().items() if name.startswith("G")}
            self.averages = {name: MovingAverage(net, opt.ema) for name, net in generators.items()}
        if opt.acceleration.compile:
            compile_networks(self.networks().values(), self.device)
        if opt.acceleration.cuda_graph:
            self.optimize_parameters = self.recorded_step = RecordedStep(self, self.optimize_parameters)

    def eval(self) -> None:
        """Put all networks into eval mode."""
        for net in self.networks().values():
            net.eval()

    def test(self) -> None:
        """Compute the images of a batch without gradients."""
        with torch.no_grad():
            self.forward()
            self.compute_visuals()

    def colorize(self, gray: torch.Tensor) -> torch.Tensor:
        """Return what a model in test mode makes of a gray image: (1, 3, H, W) in [-1, 1], of any size."""
        source, _ = source_and_style(self.opt)
        self.set_input({source: gray, f"{source}_paths": [""]})
        self.test()
        return self.fake_B

    def update_learning_rate(self) -> None:
        """Advance the schedules by one epoch."""
        total, count = distributed.sum_over_processes(self.epoch_loss).tolist()
        self.metric = total / max(count, 1)
        self.epoch_loss.zero_()
        with warnings.catch_warnings():  # a run that continues at the very end of an epoch has not taken a step yet
            warnings.filterwarnings("ignore", r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step")
            for scheduler in self.schedulers:
                scheduler.step(*[self.metric] if self.opt.lr_policy == "plateau" else [])

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks of `model_names` by name."""
        return {name: getattr(self, f"net{name}") for name in self.model_names}

    def networks_to_test(self) -> dict[str, nn.Module]:
        """Return the networks by name; with --ema the averages of the generators instead of themselves."""
        return {**self.networks(), **{name: average.average for name, average in self.averages.items()}}

    def losses(self) -> dict[str, torch.Tensor]:
        """Return the losses of `loss_names` that the model has computed so far."""
        return {name: getattr(self, f"loss_{name}") for name in self.loss_names if hasattr(self, f"loss_{name}")}

    def get_image_paths(self) -> list[str]:
        """Return the paths of the current source images."""
        return self.image_paths

    def get_current_visuals(self) -> dict[str, torch.Tensor]:
        """Return the images (N, 3, H, W) of `visual_names` that the current batch has."""
        return {name: getattr(self, name) for name in self.visual_names if hasattr(self, name)}

    def visuals(self) -> dict[str, torch.Tensor]:
        """Return the current visuals, with those that only pages need; empty before the first batch."""
        if self.image_paths:
            self.compute_visuals()
        return self.get_current_visuals()

    def get_current_losses(self) -> dict[str, float]:
        """Return the losses by name, averaged over all processes. Waits for the device."""
        mean = distributed.sum_over_processes(self._stacked_losses()) / distributed.world_size()
        return dict(zip(self.loss_names, mean.tolist(), strict=True))

    def _stacked_losses(self) -> torch.Tensor:
        return torch.stack([torch.as_tensor(loss).detach().to(self.device) for loss in self.losses().values()])

    def track_losses(self, image_count: int) -> None:
        """Add the losses of a step to the check for finite numbers and to the mean of the epoch."""
        needs_step = self.opt.accumulate > 1 or self.opt.acceleration.amp != "off" or distributed.world_size() > 1
        if needs_step and not self.uses_training_step:
            raise UsageError(f"--model {self.opt.model} does not use TrainingStep. --accumulate, --amp and several "
                             "processes need it: see docs/adding-a-model.md")  # fmt: skip
        losses = self._stacked_losses()
        self.finite_check.add(losses, image_count)
        if hasattr(self, "loss_G"):
            self.epoch_loss = self.epoch_loss.to(self.device)
            self.epoch_loss += torch.stack([self.loss_G.detach(), torch.ones_like(self.loss_G)])

    def check_losses(self) -> None:
        """Raise a UserError if a loss was not finite since the start. Waits for the device."""
        self.finite_check.check(self.loss_names)

    # ---- checkpoints ---------------------------------------------------------------------------------------

    def save_networks(self, epoch: int | str) -> None:
        """Write `{epoch}_net_{NAME}.pth`."""
        checkpoints.save_networks(self.networks_to_test(), self.run_folder, epoch)

    def load_networks(self, epoch: int | str, folder: RunFolder | None = None) -> None:
        """Read `{epoch}_net_{NAME}.pth` of this run, or of the run in a folder."""
        checkpoints.load_networks(self.networks(), folder or self.run_folder, epoch, self.device, vars(self.opt))

    def check_weights(self) -> None:
        """Raise a UserError for weights or moments that must not be saved."""
        checkpoints.check_weights(self.networks(), self.optimizers)

    def state(self) -> dict[str, object]:
        """Return everything that training needs to continue. Of several processes the first one gets it whole."""
        return {
            "networks": {name: net.state_dict() for name, net in self.networks().items()},
            "averages": {name: average.state() for name, average in self.averages.items()},
            **checkpoints.training_state(self.optimizers, self.schedulers, self.scaler, self.device),
            "lr": self.opt.lr,
            "metric": self.metric,
            "epoch_loss": distributed.sum_over_processes(self.epoch_loss.clone()),
            "extra": distributed.gather_to_first(self.extra_state()),  # of each process
        }

    def check_state(self, state: object, source: str) -> None:
        """Raise a UserError unless `load_state` can restore all of it. Args: source: the name of its file."""
        check_state(state, source, self)

    def load_state(self, state: dict) -> None:
        """Restore what `state` returned. Rates and numbers of epochs given for this run win."""
        for name, net in self.networks().items():
            load_network(net, state["networks"].get(name, {}), str(self.run_folder.state), name, vars(self.opt))
        for name, average in self.averages.items():
            saved = state.get("averages", {}).get(name)
            average.load_state(saved) if saved else average.restart()
        checkpoints.load_training_state(state, self.optimizers, self.schedulers, self.scaler, self.device)
        apply_rates(self.optimizers, self.schedulers, self.opt, state["lr"])
        self.finite_check, self.metric = FiniteCheck(), state["metric"]
        if distributed.is_first():  # the sum of all processes
            self.epoch_loss = state["epoch_loss"]
        self.load_extra_state(state["extra"][distributed.rank() % len(state["extra"])])
        if self.recorded_step:
            self.recorded_step.forget()
