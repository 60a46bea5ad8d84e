"""What only a GPU can show: its gradients, recorded and compiled steps, 16 bits, and runs that change the device."""

import pytest
import torch
import torch.nn.functional as F

from data import create_dataset
from models import create_model
from models.networks.layers import InstanceNorm2d
from options.train_options import TrainOptions
from tests.runs import SMALL, train
from util.checkpoint import load, seed_everything
from util.run.step_memory import peaks_of_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
FLAGS = ("--gpu_ids 0 --ngf 16 --ndf 16 --netG resnet_4blocks --crop_size 64 --load_size 64 --num_threads 0 --seed 1 "
         "--pool_size 0 --nce_layers 0,4,8,12 --netF_nc 32 --num_patches 64")  # fmt: skip


def trained(pictures, flags: str, steps: int):
    """A model after some steps, in the middle of which the learning rate falls."""
    opt = TrainOptions(f"--dataroot {pictures} {FLAGS} {flags}").parse()
    seed_everything(opt.seed)
    dataset, model = create_dataset(opt), create_model(opt)
    model.setup(opt)
    losses = []
    for number in range(steps):
        for batch in dataset:
            model.set_input(batch)
            model.optimize_parameters()
            losses.append(model.get_current_losses()["G"])
        if number == steps // 2:
            model.update_learning_rate()
    return model, losses


@pytest.mark.parametrize("batch_size", [1, 2])
def test_instance_norm_has_the_true_gradient_for_channels_last_gradients(batch_size):
    x = torch.randn(batch_size, 4, 8, 8, device="cuda", dtype=torch.float64, requires_grad=True)
    incoming = torch.randn_like(x).to(memory_format=torch.channels_last)
    ours, theirs = (torch.autograd.grad(norm(x), x, incoming)[0] for norm in (InstanceNorm2d(), F.instance_norm))
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    (expected,) = torch.autograd.grad((x - mean) / (variance + 1e-5).sqrt(), x, incoming.contiguous())
    assert torch.allclose(ours, expected, rtol=1e-9)
    print("torch's instance_norm is", "right" if torch.allclose(theirs, expected, rtol=1e-9) else "WRONG", "on CUDA")


@pytest.mark.parametrize("flags", ["--model colorcut", "--model cut --CUT_mode FastCUT"])
def test_a_recorded_step_is_the_step(pictures, flags):
    (plain, expected), (recorded, losses) = (trained(pictures, f"{flags} {more}", 6) for more in ("", "--cuda_graph"))
    assert recorded.optimize_parameters.recordings and recorded.optimize_parameters.works
    assert losses == pytest.approx(expected, rel=1e-3)
    rate = float(plain.optimizers[0].param_groups[0]["lr"])
    assert float(recorded.optimizers[0].param_groups[0]["lr"]) == pytest.approx(rate)


@pytest.mark.parametrize("flags", ["--amp bf16", "--amp fp16", "--tf32", "--compile", "--fast"])
def test_faster_modes_learn_as_float32_does(pictures, flags):
    (_, expected), (model, losses) = (trained(pictures, f"--model colorcut {more}", 6) for more in ("", flags))
    served, all_of_them = model.opt.served, flags == "--fast"
    assert served.amp == ({"--amp bf16": "bf16", "--amp fp16": "fp16"}.get(flags) or ("bf16" if all_of_them else "off"))
    assert served.tf32 == (all_of_them or flags == "--tf32")
    assert served.compile == (all_of_them or flags == "--compile") == (model.netG._compiled_call_impl is not None)
    assert served.cuda_graph == all_of_them and (not all_of_them or model.optimize_parameters.works)
    assert losses == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("flags", "counted"), [("", {"tensors", "allocated"}), ("--compile", {"allocated"})])
def test_tensors_alive_are_within_what_is_allocated(pictures, flags, counted):
    model, _ = trained(pictures, f"--model colorcut {flags}", 1)
    peaks = peaks_of_step(model)
    assert all(set(sizes) == counted and sizes.get("tensors", 0) <= sizes["allocated"] for sizes in peaks.values())
    assert peaks["G_loss"]["allocated"] > peaks["optimizer_G.step"]["allocated"]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (-1, 0), (0, -1)])
def test_a_run_goes_on_on_another_device(pictures, tmp_path, first, second):
    common = ["--dataroot", pictures, *SMALL, "--model", "colorcut", "--display_id", -1, "--checkpoints_dir", tmp_path]
    assert train(*common, "--name", "run", "--gpu_ids", first, "--n_epochs", 1).returncode == 0
    again = train(
        "--name", "run", "--checkpoints_dir", tmp_path, "--continue_train", "--gpu_ids", second, "--n_epochs", 2
    )
    assert again.returncode == 0, again.stderr
    assert all(value.isfinite().all() for value in load(tmp_path / "run/latest_net_G.pth").values())
