"""What every model shares: the losses it watches and the rates that follow from them."""

import pytest
import torch

from tests.helpers.build import trained
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
