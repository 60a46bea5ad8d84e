"""What every model shares: devices, schedules, checkpoints, and the lists that say what to log, save and show."""

import argparse
import itertools
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import torch

from models.compilation import compile_networks
from models.cuda_graph import RecordedStep
from models.networks import define_D, define_G
from models.networks.load import load_network
from models.networks.padding import apply_padded
from models.optimizers import load_state, make_adam, parameters_of, set_rate, state_of
from models.precision import Precision
from models.schedulers import get_scheduler
from util import checkpoint, distributed
from util.device import prepare_for_training
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
        self._first_bad: torch.Tensor | None = None  # of each loss: at which picture it was not finite, or -1
        self._batch: tuple[torch.Tensor, torch.Tensor] | None = None  # whole, of the step under way
        self._painted: tuple[torch.Tensor, torch.Tensor] | None = None  # the part of it that `forward` saw last
        self._updated: list[torch.optim.Optimizer] = []  # in this step
        if self.isTrain:
            self.precision = Precision(opt.served.amp, self.device)
            prepare_for_training(opt)

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool) -> argparse.ArgumentParser:
        """Add flags, or change defaults, for this model."""
        return parser

    def set_input(self, input: dict) -> None:
        """Take a batch; `--direction` says which domain is the source. In a test the style may be absent."""
        self._batch = self._painted = None
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

    def choices(self) -> Hashable:
        """Return what Python has drawn for this step; steps of other choices compute something else."""
        return None

    def update(self, *objectives: tuple[list[torch.optim.Optimizer], Callable[[], torch.Tensor]]) -> None:
        """Take a step of optimizers, each along the gradient of its loss: of all micro-batches, of all processes.

        `forward` comes first: once in a training step, or, with --accumulate, for each micro-batch of every update, so
        that the graph of one micro-batch alone is in memory.
        """
        optimizers = [optimizer for group, _ in objectives for optimizer in group]
        begins = self._has_new_batch() or any(optimizer in self._updated for optimizer in optimizers)
        self._updated = optimizers if begins else self._updated + optimizers
        for optimizer in optimizers:
            optimizer.zero_grad()
        for _ in self._micro_batches(step_begins=begins):
            for group, compute_loss in objectives:
                self._let_learn(group)
                with self.precision.autocast():
                    loss = compute_loss()
                if not loss.requires_grad:
                    raise UserError("every weight of the loss is 0: there is nothing to learn")
                share = loss if self.opt.accumulate == 1 else loss / self.opt.accumulate
                self.precision.scaler.scale(share).backward()
        for optimizer in optimizers:
            distributed.average_gradients(parameters_of(optimizer))
            self.precision.scaler.step(optimizer)
        self.precision.scaler.update()

    def _let_learn(self, optimizers: list[torch.optim.Optimizer]) -> None:
        """Ask for gradients of what these optimizers train, and of nothing else that is trained."""
        for optimizer in self.optimizers:
            for parameter in parameters_of(optimizer):
                parameter.requires_grad_(optimizer in optimizers)

    def _has_new_batch(self) -> bool:
        painted = self._painted or (None, None)
        return self.real_A is not painted[0] or self.real_B is not painted[1]

    def _micro_batches(self, step_begins: bool) -> Iterator[None]:
        """Make each micro-batch of the step the current one, with its pictures painted, and its losses averaged."""
        count = self.opt.accumulate
        if step_begins and self._has_new_batch():
            self._batch = self.real_A, self.real_B
        if count == 1:
            if step_begins:
                self._paint()
            yield
            return
        if step_begins:
            self._random_at_start = checkpoint.torch_random_state(self.device)
        losses: dict[str, torch.Tensor] = {}
        for sources, style in zip(*(images.chunk(count) for images in self._batch), strict=True):
            self.real_A, self.real_B = sources, style
            checkpoint.set_torch_random_state(self._random_at_start, self.device)  # patches, say, as in one large batch
            before = self._losses()
            self._paint()
            yield
            self._let_go_of_graphs()
            fresh = {name: loss for name, loss in self._losses().items() if loss is not before.get(name)}
            losses = {name: losses.get(name, 0) + torch.as_tensor(loss) / count for name, loss in fresh.items()}
        for name, loss in losses.items():
            setattr(self, f"loss_{name}", loss)

    def _let_go_of_graphs(self) -> None:
        """Keep what was painted without what autograd holds for it: in D's update nothing else frees that of G."""
        for name, value in list(vars(self).items()):
            if isinstance(value, torch.Tensor) and value.requires_grad:
                setattr(self, name, value.detach())

    def _paint(self) -> None:
        self._painted = self.real_A, self.real_B
        self._let_learn(self.optimizers)
        with self.precision.autocast():
            self.forward()

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
        optimizer = make_adam(parameters, self.opt, self.device)
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
            if opt.served.compile:
                compile_networks(self.networks().values(), self.device)
            if opt.served.cuda_graph:
                self.optimize_parameters = RecordedStep(self, self.optimize_parameters)
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
        total, count = distributed.sum_over_processes(self._epoch_loss).tolist()
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
        """Return the losses of `loss_names` by name, of the pictures of all processes. Waits for the device."""
        mean = distributed.sum_over_processes(self._stacked_losses()) / distributed.world_size()
        return dict(zip(self.loss_names, mean.tolist(), strict=True))

    def _stacked_losses(self) -> torch.Tensor:
        return torch.stack([torch.as_tensor(loss).detach().to(self.device) for loss in self._losses().values()])

    def _losses(self) -> dict[str, torch.Tensor]:
        """Return the losses there are so far, as the model left them."""
        return {name: getattr(self, f"loss_{name}") for name in self.loss_names if hasattr(self, f"loss_{name}")}

    def watch_losses(self, iteration: int) -> None:
        """Note on the device, without waiting for it, which losses are not finite and since when."""
        self._epoch_loss = self._epoch_loss.to(self.device)
        self._epoch_loss += torch.stack([self.loss_G.detach(), torch.ones_like(self.loss_G)])
        values = self._stacked_losses()
        if self._first_bad is None:
            self._first_bad = torch.full(values.shape, -1, device=values.device)
        self._first_bad = torch.where((self._first_bad < 0) & ~values.isfinite(), iteration, self._first_bad)

    def check_losses(self) -> None:
        """Raise a UserError that names the term and the iteration if a loss was not finite since the start."""
        if self._first_bad is None:
            return
        bad = sorted((first, number) for number, first in enumerate(self._first_bad.tolist()) if first >= 0)
        if bad:
            first, number = bad[0]
            raise UserError(f"loss {self.loss_names[number]} is not finite at iteration {first}; nothing was saved "
                            "since. Try a smaller --lr or a smaller weight of that term")  # fmt: skip

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
        """Return all that training needs to go on: networks, optimizers, schedules, random and extra state.

        Of several processes the first gets it whole. What is random they draw alike.
        """
        return {
            "networks": {name: net.state_dict() for name, net in self.networks().items()},
            "optimizers": [state_of(optimizer) for optimizer in self.optimizers],
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            "lr": self.opt.lr,
            "metric": self.metric,
            "epoch_loss": distributed.sum_over_processes(self._epoch_loss.clone()),
            "scaler": self.precision.scaler.state_dict(),
            "random": checkpoint.random_state(self.device),
            "extra": distributed.gathered(self.extra_state()),  # of each process
        }

    def load_state(self, state: dict) -> None:
        """Restore what `state` returned."""
        for name, net in self.networks().items():
            source = str(self.save_dir / "latest_state.pth")
            load_network(net, state["networks"].get(name, {}), source, name, vars(self.opt))
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            load_state(optimizer, saved)
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self._take_rates_of_options(state["lr"])
        self.metric, self._epoch_loss = state["metric"], state["epoch_loss"] * distributed.is_first()
        if state["scaler"]:
            self.precision.scaler.load_state_dict(state["scaler"])
        checkpoint.set_random_state(state["random"], self.device)
        self.load_extra_state(state["extra"][distributed.rank() % len(state["extra"])])

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
                scheduler.base_lrs = [float(rate) * ratio for rate in scheduler.base_lrs]
            if hasattr(scheduler, "lr_lambdas"):  # where this epoch stands in the schedule may have changed
                shares = [share(scheduler.last_epoch) for share in scheduler.lr_lambdas]
                for group, rate, share in zip(
                    scheduler.optimizer.param_groups, scheduler.base_lrs, shares, strict=True
                ):
                    set_rate(group, rate * share)

    def extra_state(self) -> dict[str, object]:
        """Return state of a subclass that a restart must not lose: tensors and plain types."""
        return {}

    def load_extra_state(self, state: dict[str, object]) -> None:
        """Restore what `extra_state` returned."""

    def check_weights(self) -> None:
        """Raise a UserError if a weight is not finite or differs between processes, so that it never reaches a file."""
        for name, net in self.networks().items():
            if not all(bool(parameter.isfinite().all()) for parameter in net.parameters()):
                raise UserError(f"the weights of network {name} are no longer finite; nothing was saved. "
                                "Try a smaller --lr")  # fmt: skip
            if not distributed.is_alike([parameter.detach().sum() for parameter in net.parameters()]):
                raise UserError(f"the weights of network {name} differ between processes; nothing was saved. Does "
                                f"--model {self.opt.model} take its steps by update()?")  # fmt: skip

    def describe_networks(self) -> str:
        """Return a line a network with its number of parameters; with --verbose its layers too."""
        lines = []
        for name, net in self.networks().items():
            count = sum(parameter.numel() for parameter in net.parameters())
            lines.append(f"[Network {name}] {count / 1e6:.3f} M parameters")
            if self.opt.verbose:
                lines.append(str(net))
        return "\n".join(lines)
