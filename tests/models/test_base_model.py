"""What every model shares: the losses it watches and the rates that follow from them."""

import copy
import math
from collections.abc import Callable

import pytest
import torch

from tests.helpers.build import build, take_steps, trained
from tests.helpers.flags import MODELS
from util.errors import UserError


def test_base_model_gives_plateau_the_mean_total_loss(dataroot):
    model = trained(dataroot, f"{MODELS['CUT']} --lr_policy plateau")
    for value in (3.0, 5.0):
        model.loss_G = torch.tensor(value)
        model.track_losses(1)
    model.update_learning_rate()
    assert model.metric == pytest.approx(4.0)


def test_base_model_names_the_loss_that_is_not_finite_and_the_iteration(dataroot):
    model = trained(dataroot, MODELS["CUT"])
    model.track_losses(6)
    model.loss_NCE = torch.tensor(float("nan"))
    model.track_losses(7)
    model.track_losses(8)
    with pytest.raises(UserError, match="NCE became non-finite at image 7"):
        model.check_losses()
    with torch.no_grad():
        next(model.netF.parameters()).fill_(float("inf"))
    with pytest.raises(UserError, match="weights of netF are not finite"):
        model.check_weights()


def test_state_of_a_learning_rate_on_the_device_is_restored_again_and_again(dataroot, monkeypatch):
    """On CUDA the rate is a tensor. Here Adam gets one on the CPU, or a number, as on another device."""

    def trained_on(state: dict | None, make_rate: Callable) -> dict:
        def make(parameters, opt, device):
            return torch.optim.Adam(parameters, make_rate(opt.lr), (opt.beta1, opt.beta2), foreach=False)

        monkeypatch.setattr("models.base_model.make_adam", make)
        model, loader = build(dataroot, "--model colorcut --n_epochs 9 --n_epochs_decay 0")
        if state is not None:
            model.check_state(state, "state")
            model.load_state(state)
        take_steps(model, loader)
        model.update_learning_rate()
        return copy.deepcopy(model.state())

    state = None
    for make_rate in (torch.tensor, torch.tensor, torch.tensor, float, torch.tensor):
        state = trained_on(state, make_rate)
    rate = state["optimizers"][0]["param_groups"][0]["lr"]
    assert rate == pytest.approx(0.0002 * (1 + math.cos(math.pi * 5 / 9)) / 2)


def test_states_go_from_a_gpu_to_a_cpu_and_back(dataroot, monkeypatch):
    """The generator of the GPU is in the state of one of them only."""
    model, _ = build(dataroot, "--model colorcut")
    of_cpu = model.state()
    of_gpu = {**of_cpu, "random": {**of_cpu["random"], "cuda": torch.zeros(16, dtype=torch.uint8)}}
    model.check_state(of_gpu, "state")
    model.load_state(of_gpu)
    monkeypatch.setattr("models.state_check.random_state", lambda device: dict(of_gpu["random"]))  # as on a GPU
    for state in (of_cpu, of_gpu):
        model.check_state(state, "state")
    damaged = {**of_cpu, "random": {**of_cpu["random"], "cuda": torch.zeros(3)}}
    with pytest.raises(UserError, match=r"random\.cuda"):
        model.check_state(damaged, "state")
