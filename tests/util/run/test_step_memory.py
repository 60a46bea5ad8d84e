"""--max_memory_report: bytes counted by hand, phases of a step, and a training that stays the same bit for bit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.base_model import BaseModel
from tests.helpers.build import build, same_weights, take_steps
from tests.helpers.flags import MODELS
from util.run.step_memory import lasting_bytes, peaks_of_step, report_memory_of_second_step

N = 1000


class Toy:
    """A model with one weight of N bytes, a batch of 2 x 5 N bytes, two micro-batches and SGD with momentum."""

    def __init__(self):
        self.netG, self.device = torch.nn.Linear(N // 4, 1, bias=False), torch.device("cpu")
        self.real_A, self.real_B = torch.ones(2, 5, N // 4)
        self.optimizer_G = torch.optim.SGD(self.netG.parameters(), lr=0.1, momentum=0.9)
        self.optimizers = [self.optimizer_G]

    def networks(self) -> dict[str, torch.nn.Module]:
        return {"G": self.netG}

    def forward(self) -> None:
        self.fake_B = self.netG(self.real_A)

    def compute_G_loss(self) -> torch.Tensor:
        return self.fake_B.square().mean()

    def optimize_parameters(self) -> None:
        self.optimizer_G.zero_grad()
        for _ in range(2):
            self.forward()
            self.compute_G_loss().backward()
        self.optimizer_G.step()


@pytest.fixture
def counters(monkeypatch) -> list[int]:
    """Stand-ins for torch's: the peak of a phase is what is next in this list."""
    peaks: list[int] = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: peaks.pop(0))
    return peaks


def test_step_memory_counts_what_lasts():
    model = Toy()
    model.optimize_parameters()
    assert lasting_bytes(model) == {"weights of G": N, "gradients": N, "moments": N, "batch": 10 * N}


def test_step_memory_has_the_highest_peak_of_each_phase_and_restores_the_model(counters):
    model = Toy()
    model.optimize_parameters()
    before = dict(vars(model))
    # Of each micro-batch: until forward begins, of forward, until the loss begins, of the loss, of backward.
    counters += [1, 20, 2, 30, 45, 21, 3, 31, 44, 15]
    assert peaks_of_step(model) == {"forward": 21, "G_loss": 31, "G_loss, backward": 45, "optimizer_G.step": 15}
    assert counters == [] and vars(model).keys() == before.keys()
    model.optimize_parameters()  # counts no more


def trained(dataroot: Path, flags: str, step: Callable[[BaseModel], None]) -> BaseModel:
    model, loader = build(dataroot, flags)
    for batch in [batch for _ in range(2) for batch in loader]:
        model.set_input(batch)
        step(model)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_step_memory_leaves_training_the_same(dataroot, name, counters):
    flags = f"--accumulate 2 {MODELS[name]}"
    counters += range(1000)
    phases: list[dict] = []
    plain = trained(dataroot, flags, lambda model: model.optimize_parameters())
    measured = trained(dataroot, flags, lambda model: phases.append(peaks_of_step(model)))
    assert same_weights(plain, measured) and plain.get_current_losses() == measured.get_current_losses()
    of_nets = {phase for net in "DG" for phase in (f"{net}_loss", f"{net}_loss, backward", f"optimizer_{net}.step")}
    assert len(phases) == 4 and {"forward", *of_nets} <= phases[0].keys()


@pytest.mark.parametrize("name", MODELS)
def test_step_memory_is_reported_once(dataroot, name):
    model, loader = build(dataroot, f"--batch_size 2 {MODELS[name]}")
    lines: list[str] = []
    report_memory_of_second_step(model, lines.append)
    take_steps(model, loader, 4)
    (table,) = lines
    assert table.startswith("memory of this training step, MiB") and "peak of this process so far" in table
    sizes, numbers = lasting_bytes(model), {}
    for net_name, net in model.networks().items():
        numbers[net_name] = sum(parameter.numel() for parameter in net.parameters())
        assert sizes[f"weights of {net_name}"] == 4 * numbers[net_name]
    assert sizes["gradients"] == 4 * sum(numbers.values()) and sizes["batch"] == 2 * 4 * 2 * 3 * 32 * 32
    tensors = sum(len(list(net.parameters())) for net in model.networks().values())
    assert sizes["moments"] == 8 * sum(numbers.values()) + 4 * tensors  # Adam's two, and its count of steps
