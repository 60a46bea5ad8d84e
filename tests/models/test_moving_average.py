"""--ema: the average by hand, what is saved, and that a run continues with it."""

import pytest
import torch

from models.moving_average import MovingAverage
from tests.helpers.build import build, same_weights
from tests.helpers.flags import COLORCUT, MODELS, TINY
from tests.helpers.launch import error_of, output_of
from util.checkpoint import load


def test_average_by_hand():
    net = torch.nn.BatchNorm1d(1)
    net.weight.data.fill_(1.0)
    average = MovingAverage(net, 0.5)
    expected = 1.0
    for step, weight in enumerate([3.0, 5.0, -7.0] * 10, 1):
        net.weight.data.fill_(weight)
        net.running_mean.fill_(weight)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
        assert average.average.weight.item() == pytest.approx(expected, rel=1e-5)
    assert average.average.running_mean.item() == -7


@pytest.mark.slow
@pytest.mark.parametrize("model", ["ColorCUT", "CycleGAN"])
def test_run_saves_the_average_and_trains_and_continues_as_without(dataroot, tmp_path, model):
    """The weights in training do not depend on it; a run in two parts ends as one in one part."""
    flags = f"--dataroot {dataroot} {TINY} {MODELS[model]} --checkpoints_dir {tmp_path} --display_id -1"
    flags += " --lr_policy linear --n_epochs_decay 0"
    output_of(f"train.py {flags} --name plain --n_epochs 3")
    output_of(f"train.py {flags} --name whole --n_epochs 3 --ema 0.9")
    output_of(f"train.py {flags} --name parts --n_epochs 2 --ema 0.9")
    output_of(f"train.py --checkpoints_dir {tmp_path} --name parts --continue_train --n_epochs 3 --gpu_ids -1")
    for name in ["G"] if model == "ColorCUT" else ["G_A", "G_B"]:
        plain, whole, parts = (load(tmp_path / f"{run}/latest_net_{name}.pth") for run in ("plain", "whole", "parts"))
        raw = load(tmp_path / "whole/latest_state.pth")["model"]["networks"][name]
        assert all(torch.equal(raw[key], plain[key]) for key in plain)
        assert all(torch.equal(whole[key], parts[key]) for key in whole) and whole.keys() == plain.keys()
        assert any(not torch.equal(whole[key], plain[key]) for key in plain)


def test_state_without_an_average_starts_one(dataroot):
    plain, _ = build(dataroot, COLORCUT)
    averaged, _ = build(dataroot, f"{COLORCUT} --ema 0.9 --seed 2")
    state = plain.state()
    averaged.load_state({key: value for key, value in state.items() if key != "averages"})
    assert same_weights(plain, averaged)
    saved = averaged.networks_to_test()["G"].state_dict()
    assert all(torch.equal(saved[key], value) for key, value in plain.netG.state_dict().items())


def test_ema_has_its_range(dataroot):
    assert "--ema 1.0" in error_of(f"train.py --dataroot {dataroot} {TINY} --ema 1", code=2)
