"""What every model shares: devices, schedules, checkpoints, and the lists that say what to log, save and show."""

import argparse
import itertools
from abc import ABC, abstractmethod
from argparse import Namespace
from pathlib import Path

import torch

from models.networks import define_D, define_G
from models.networks.load import load_network
from models.networks.padding import apply_padded
from models.schedulers import get_scheduler
from util import checkpoint
from util.device import keep_freed_memory
from util.errors import UserError

_PAPER = {
    "lr": 5e-3, "lr_policy": "cosine", "n_epochs": 30, "n_epochs_decay": 0, "batch_size": 1,
    "crop_size": 256, "load_size": 256, "preprocess": "rescale_shortside_and_crop",
}  # fmt: skip
# What a CPU does in minutes: 7 epochs of 230 pictures.
_SMALL = {
    "lr": 2e-4, "n_epochs": 7, "crop_size": 64, "load_size": 80, "netG": "resnet_6blocks", "ngf": 16, "ndf": 16,
}  # fmt: skip


class BaseModel(ABC):
    """A model fills four lists: `loss_names` (self.loss_NAME), `model_names` (self.netNAME), `visual_names`
    (self.NAME) and `optimizers`; logging, checkpoints and pages follow from them.
    """

    # flag -> its value -> the defaults that this value implies; a flag given by hand wins.
    presets: dict[str, dict[str, dict[str, object]]] = {"preset": {"paper": _PAPER, "small": {**_PAPER, **_SMALL}}}

    def __init__(self, opt: Namespace):
        self.opt = opt
        self.gpu_ids = opt.gpu_ids
        self.isTrain = opt.isTrain
        self.device = opt.device
        self.save_dir = Path(opt.checkpoints_dir) / opt.name
        self.loss_names: list[str] = []
        self.model_names: list[str] = []
        self.visual_names: list[str] = []
        self.optimizers: list[torch.optim.Optimizer] = []
        self.schedulers: list = []
        self.image_paths: list[str] = []
        self.metric = 0.0  # what --lr_policy plateau watches: the mean total loss of the last epoch
        self._epoch_loss = torch.zeros(2)  # sum and count of the total loss in this epoch
        self._first_bad: dict[str, torch.Tensor] = {}
        if self.isTrain and self.device.type == "cpu":
            keep_freed_memory()

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add flags, or change defaults, for this model."""
        return parser

    def set_input(self, input: dict) -> None:
        """Take a batch; `--direction` says which domain is the source. In a test the style may be absent."""
        source, style = ("A", "B") if self.opt.direction == "AtoB" else ("B", "A")
        self.real_A = input[source].to(self.device, non_blocking=True)
        if style in input:
            self.real_B = input[style].to(self.device, non_blocking=True)
        elif self.isTrain:
            raise UserError(f"--dataset_mode {self.opt.dataset_mode} brings no pictures of the style: "
                            "it is for testing")  # fmt: skip
        self.image_paths = input[f"{source}_paths"]

    @abstractmethod
    def forward(self) -> None:
        """Compute the pictures."""

    @abstractmethod
    def optimize_parameters(self) -> None:
        """Take one training step."""

    # ---- what a model is built from ---------------------------------------------------------------------------

    def make_generator(self, input_nc: int, output_nc: int) -> torch.nn.Module:
        """Build the generator that the options name."""
        opt = self.opt
        net = define_G(input_nc, output_nc, opt.ngf, opt.netG, opt.normG, not opt.no_dropout, opt.init_type,
                       opt.init_gain, opt.no_antialias, opt.no_antialias_up)  # fmt: skip
        if self.isTrain and opt.netG.startswith("unet") and opt.crop_size % net.size_multiple:
            raise UserError(f"--crop_size {opt.crop_size}: --netG {opt.netG} learns on multiples of "
                            f"{net.size_multiple}; choose another, unet_128 or a resnet")  # fmt: skip
        return net.to(self.device)

    def make_discriminator(self, input_nc: int) -> torch.nn.Module:
        """Build the discriminator that the options name."""
        opt = self.opt
        return define_D(input_nc, opt.ndf, opt.netD, opt.n_layers_D, opt.normD, opt.init_type, opt.init_gain,
                        opt.no_antialias).to(self.device)  # fmt: skip

    def add_adam(self, *nets: torch.nn.Module) -> torch.optim.Adam:
        """Make an optimizer for the weights of these networks, and list it."""
        parameters = itertools.chain(*(net.parameters() for net in nets))
        optimizer = torch.optim.Adam(parameters, lr=self.opt.lr, betas=(self.opt.beta1, self.opt.beta2))
        self.optimizers.append(optimizer)
        return optimizer

    def joinable(self, norm: str) -> bool:
        """Tell whether pictures of one pass do not see each other, nor different dropout than apart."""
        return self.real_A.shape == self.real_B.shape and norm != "batch" and self.opt.no_dropout

    # ---- life of a run -------------------------------------------------------------------------------------

    def setup(self, opt: Namespace) -> None:
        """Make the schedules, or load the networks to be tested."""
        if self.isTrain:
            self.schedulers = [get_scheduler(optimizer, opt) for optimizer in self.optimizers]
            if opt.pretrained_name:
                self.load_networks(opt.epoch, Path(opt.checkpoints_dir) / opt.pretrained_name)
        else:
            self.load_networks(opt.epoch)
            self.eval()

    def eval(self) -> None:
        """Put all networks into eval mode."""
        for net in self.networks().values():
            net.eval()

    def test(self) -> None:
        """Compute the pictures of a batch without gradients."""
        with torch.no_grad():
            self.forward()
            self.compute_visuals()

    def translate(self, net: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Run a generator on pictures of any size: reflected up to a size it takes, and cropped back."""
        return apply_padded(net, images)

    def compute_visuals(self) -> None:
        """Compute pictures that only pages need."""

    def networks(self) -> dict[str, torch.nn.Module]:
        """Return the networks of `model_names` by name."""
        return {name: getattr(self, f"net{name}") for name in self.model_names}

    @staticmethod
    def set_requires_grad(nets: torch.nn.Module | list[torch.nn.Module], requires_grad: bool = False) -> None:
        """Switch gradients of one or several networks on or off."""
        for net in nets if isinstance(nets, list) else [nets]:
            net.requires_grad_(requires_grad)

    def update_learning_rate(self) -> None:
        """Advance the schedules by one epoch."""
        total, count = self._epoch_loss.tolist()
        self.metric = total / max(count, 1)
        self._epoch_loss.zero_()
        for scheduler in self.schedulers:
            if self.opt.lr_policy == "plateau":
                scheduler.step(self.metric)
            else:
                scheduler.step()

    # ---- what is shown -------------------------------------------------------------------------------------

    def get_image_paths(self) -> list[str]:
        """Return the paths of the current source pictures."""
        return self.image_paths

    def get_current_visuals(self) -> dict[str, torch.Tensor]:
        """Return the pictures (N, 3, H, W) of `visual_names` by name, those that the batch brought or gave rise to."""
        return {name: getattr(self, name) for name in self.visual_names if hasattr(self, name)}

    def get_current_losses(self) -> dict[str, float]:
        """Return the losses of `loss_names` by name. Waits for the device."""
        return {name: float(loss) for name, loss in self._losses().items()}

    def _losses(self) -> dict[str, torch.Tensor]:
        return {name: torch.as_tensor(getattr(self, f"loss_{name}")).detach() for name in self.loss_names}

    def watch_losses(self, iteration: int) -> None:
        """Note on the device, without waiting for it, which losses are not finite and since when."""
        self._epoch_loss = self._epoch_loss.to(self.device)
        self._epoch_loss += torch.stack([self.loss_G.detach(), torch.ones_like(self.loss_G)])
        for name, loss in self._losses().items():
            never = torch.full((), -1, device=loss.device)
            first = self._first_bad.get(name, never)
            self._first_bad[name] = torch.where((first < 0) & ~loss.isfinite(), iteration, first)

    def check_losses(self) -> None:
        """Raise a UserError that names the term and the iteration if a loss was not finite since the start."""
        bad = [(int(first), name) for name, first in self._first_bad.items()]
        bad = sorted((first, self.loss_names.index(name), name) for first, name in bad if first >= 0)
        if bad:
            first, _, name = bad[0]
            raise UserError(f"loss {name} is not finite at iteration {first}; nothing was saved since. "
                            "Try a smaller --lr or a smaller weight of that term")  # fmt: skip

    # ---- checkpoints ---------------------------------------------------------------------------------------

    def save_networks(self, epoch: int | str) -> None:
        """Write `{epoch}_net_{NAME}.pth`, plain state dicts on the CPU under upstream's names."""
        for name, net in self.networks().items():
            state = {key: value.cpu() for key, value in net.state_dict().items()}
            checkpoint.save_atomically(state, self.save_dir / f"{epoch}_net_{name}.pth")

    def load_networks(self, epoch: int | str, folder: Path | None = None) -> None:
        """Read `{epoch}_net_{NAME}.pth` from a run's folder, ours or upstream's."""
        for name, net in self.networks().items():
            path = (folder or self.save_dir) / f"{epoch}_net_{name}.pth"
            load_network(net, checkpoint.load(path, self.device), str(path), name, vars(self.opt))

    def state(self) -> dict[str, object]:
        """Return all that training needs to go on: networks, optimizers, schedules, random and extra state."""
        return {
            "networks": {name: net.state_dict() for name, net in self.networks().items()},
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            "lr": self.opt.lr,
            "metric": self.metric,
            "epoch_loss": self._epoch_loss,
            "random": checkpoint.random_state(),
            "cuda_random": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "extra": self.extra_state(),
        }

    def load_state(self, state: dict) -> None:
        """Restore what `state` returned."""
        for name, net in self.networks().items():
            source = str(self.save_dir / "latest_state.pth")
            load_network(net, state["networks"].get(name, {}), source, name, vars(self.opt))
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self._take_rates_of_options(state["lr"])
        self.metric, self._epoch_loss = state["metric"], state["epoch_loss"]
        checkpoint.set_random_state(state["random"])
        if state["cuda_random"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_random"].cpu(), self.device)
        self.load_extra_state(state["extra"])

    def _take_rates_of_options(self, lr_before: float) -> None:
        """Let rates and number of epochs given on continuing win over those that the state was trained with."""
        ratio = self.opt.lr / lr_before
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["betas"] = (self.opt.beta1, self.opt.beta2)
            group["lr"] *= ratio
            if "initial_lr" in group:
                group["initial_lr"] *= ratio
        for scheduler in self.schedulers:
            if hasattr(scheduler, "base_lrs"):
                scheduler.base_lrs = [rate * ratio for rate in scheduler.base_lrs]
            if hasattr(scheduler, "lr_lambdas"):  # where this epoch stands in the schedule may have changed
                shares = [share(scheduler.last_epoch) for share in scheduler.lr_lambdas]
                for group, rate, share in zip(
                    scheduler.optimizer.param_groups, scheduler.base_lrs, shares, strict=True
                ):
                    group["lr"] = rate * share

    def extra_state(self) -> dict[str, object]:
        """Return state of a subclass that a restart must not lose: tensors and plain types."""
        return {}

    def load_extra_state(self, state: dict[str, object]) -> None:
        """Restore what `extra_state` returned."""

    def check_weights(self) -> None:
        """Raise a UserError if a weight is not finite, so that it never reaches a file."""
        for name, net in self.networks().items():
            if not all(bool(parameter.isfinite().all()) for parameter in net.parameters()):
                raise UserError(f"the weights of network {name} are no longer finite; nothing was saved. "
                                "Try a smaller --lr")  # fmt: skip

    def describe_networks(self) -> str:
        """Return a line a network with its number of parameters; with --verbose its layers too."""
        lines = []
        for name, net in self.networks().items():
            count = sum(parameter.numel() for parameter in net.parameters())
            lines.append(f"[Network {name}] {count / 1e6:.3f} M parameters")
            if self.opt.verbose:
                lines.append(str(net))
        return "\n".join(lines)
