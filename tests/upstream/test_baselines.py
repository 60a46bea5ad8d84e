"""CycleGAN and pix2pix beside their own code: the same checkpoints, images, losses and step."""

from pathlib import Path

import pytest
import torch

from models import create_model
from options.test_options import TestOptions
from options.train_options import TrainOptions
from tests.upstream.seeded import images
from util.random_state import seed_everything

COMMON = "--dataroot none --gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_6blocks --pool_size 0 --no_dropout"

# A step of their code from our weights, in float64.
STEP = """
import sys, torch
folder = sys.argv[1]
sys.argv = ["train.py", *sys.argv[2:]]
from options.train_options import TrainOptions
from models import create_model
model = create_model(TrainOptions().parse())
nets = {name: getattr(model, "net" + name) for name in model.model_names}
for name, net in nets.items():
    net.load_state_dict(torch.load(f"{folder}/start_{name}.pth"))
    net.double()
model.criterionGAN.double()
model.set_input(torch.load(f"{folder}/batch.pt"))
model.optimize_parameters()
torch.save({name: net.state_dict() for name, net in nets.items()}, f"{folder}/after.pt")
torch.save({name: float(getattr(model, "loss_" + name)) for name in model.loss_names}, f"{folder}/losses.pt")
"""
# What CycleGAN in a CUT checkout makes of our files.
PAINT = """
import sys, torch
folder = sys.argv[1]
sys.argv = ["test.py", *sys.argv[2:]]
from options.test_options import TestOptions
from models import create_model
model = create_model(TestOptions().parse())
model.load_networks("latest")
model.set_input(torch.load(f"{folder}/batch.pt"))
model.test()
torch.save(model.fake_B, f"{folder}/fake_B.pt")
"""


def batch_of(size: int) -> dict:
    A, B = images(2, size, 3, 32, 32)
    return {"A": A, "B": B, "A_paths": ["a"] * size, "B_paths": ["b"] * size}


MODELS = ["--model cycle_gan --lambda_A 7 --lambda_B 5 --lambda_identity 0.3",
          "--model pix2pix --dataset_mode aligned --lambda_L1 20"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("flags", MODELS)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_step_is_that_of_their_own_code(pix2pix_upstream, tmp_path, flags, norm):
    flags = f"{COMMON} {flags} --checkpoints_dir {tmp_path}"
    plain = "--no_antialias --no_antialias_up --init_gain 1"
    model = create_model(TrainOptions(f"{flags} {plain} --normG {norm} --normD {norm}").parse())
    for name, net in model.networks().items():
        torch.save(net.state_dict(), tmp_path / f"start_{name}.pth")
        net.double()
    torch.save(batch_of(2), tmp_path / "batch.pt")
    pix2pix_upstream.run(["-c", STEP, tmp_path, *flags.split(), "--norm", norm])
    start = {name: {k: v.clone() for k, v in net.state_dict().items()} for name, net in model.networks().items()}
    model.set_input(batch_of(2))
    model.optimize_parameters()

    opt, ours, theirs = model.opt, model.get_current_losses(), torch.load(tmp_path / "losses.pt")
    weights = {"cycle_A": 7, "cycle_B": 5, "idt_A": 0.3 * 5, "idt_B": 0.3 * 7, "G_L1": 20}  # they log weighted losses
    for name, value in theirs.items():
        assert ours[name] * weights.get(name, 1) == pytest.approx(value, rel=1e-9), name
    for name, expected in torch.load(tmp_path / "after.pt").items():
        for key, value in model.networks()[name].state_dict().items():
            if value.dim() > 1:  # biases before a norm move by rounding alone
                moved = (expected[key] - start[name][key]).abs().max()
                assert (value - expected[key]).abs().max() <= max(1e-3 * moved, 1e-12), (name, key)
    assert opt.pool_size == 0


@pytest.mark.slow
def test_checkpoint_of_cycle_gan_loads_in_a_cut_checkout(upstream, tmp_path):
    flags = f"{COMMON} --model cycle_gan --checkpoints_dir {tmp_path} --name run"
    seed_everything(0)
    model = create_model(TrainOptions(f"{flags} --init_gain 1").parse())
    (tmp_path / "run").mkdir()
    model.save_networks("latest")
    batch = {key: value.float() if isinstance(value, torch.Tensor) else value for key, value in batch_of(1).items()}
    torch.save(batch, tmp_path / "batch.pt")
    tested = [word for word in flags.split() if word not in ("--pool_size", "0")]
    upstream.run(["-c", PAINT, tmp_path, *tested])
    ours = create_model(TestOptions(tested).parse())
    ours.load_networks("latest")
    ours.set_input(batch)
    ours.test()
    assert (ours.fake_B - torch.load(tmp_path / "fake_B.pt")).abs().max() < 1e-5
    assert {p.name for p in Path(tmp_path / "run").glob("*.pth")} == {
        f"latest_net_{name}.pth" for name in ("G_A", "G_B", "D_A", "D_B")
    }
