"""What only a GPU can show: its gradients, recorded and compiled steps, 16 bits, and runs that change the device."""

import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from models.networks.layers import InstanceNorm2d, LayerNorm2d
from tests.helpers.build import build, take_steps
from tests.helpers.flags import COLORCUT, MODELS, TINY
from tests.helpers.launch import output_of
from util.checkpoint import load
from util.run.step_memory import peaks_of_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
# With a small rate: training amplifies rounding, and some sums on a GPU are rounded differently each time.
FLAGS = "--gpu_ids 0 --ngf 16 --ndf 16 --crop_size 64 --load_size 64 --netF_nc 32 --num_patches 64 --lr 1e-5"


def trained(dataroot, flags: str):
    """A model after 24 steps, in the middle of which the learning rate falls, the losses of G, and by how much each
    network has moved: vectors.
    """
    model, loader = build(dataroot, f"{flags} {FLAGS}")
    before = {name: parameters_to_vector(net.parameters()).detach() for name, net in model.networks().items()}
    losses = take_steps(model, loader, 16)
    model.update_learning_rate()
    losses += take_steps(model, loader, 8)
    moved = [parameters_to_vector(net.parameters()).detach() - before[name] for name, net in model.networks().items()]
    return model, [step["G"] for step in losses], moved


def assert_same_moves(moved, expected, cosine: float, length: float) -> None:
    """Adam's steps have nearly one length, whatever the gradient: so their directions count."""
    for one, other in zip(moved, expected, strict=True):
        assert F.cosine_similarity(one, other, dim=0) > cosine
        assert one.norm().item() == pytest.approx(other.norm().item(), rel=length)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_instance_norm_has_the_true_gradient_for_channels_last_gradients(batch_size):
    x = torch.randn(batch_size, 4, 8, 8, device="cuda", dtype=torch.float64, requires_grad=True)
    incoming = torch.randn_like(x).to(memory_format=torch.channels_last)
    ours, theirs = (torch.autograd.grad(norm(x), x, incoming)[0] for norm in (InstanceNorm2d(), F.instance_norm))
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    (expected,) = torch.autograd.grad((x - mean) / (variance + 1e-5).sqrt(), x, incoming.contiguous())
    assert torch.allclose(ours, expected, rtol=1e-9)
    print("torch's instance_norm is", "right" if torch.allclose(theirs, expected, rtol=1e-9) else "WRONG", "on CUDA")


def test_layer_norm_is_that_of_a_cpu():
    on_cpu, on_gpu = LayerNorm2d(8), LayerNorm2d(8).cuda()
    x = torch.randn(2, 8, 64, 64) * 3 + 1
    assert torch.allclose(on_gpu(x.cuda()).cpu(), on_cpu(x), atol=1e-5)


@pytest.mark.parametrize("flags", [COLORCUT, f"{COLORCUT} --preset best", MODELS["FastCUT"]])
def test_recorded_step_is_the_step(dataroot, flags):
    plain, expected, moves = trained(dataroot, flags)
    recorded, losses, moved = trained(dataroot, f"{flags} --cuda_graph")
    assert recorded.optimize_parameters.recordings and recorded.optimize_parameters.works
    assert losses == pytest.approx(expected, rel=1e-3)
    assert_same_moves(moved, moves, cosine=0.9, length=0.05)
    rate = float(plain.optimizers[0].param_groups[0]["lr"])
    assert float(recorded.optimizers[0].param_groups[0]["lr"]) == pytest.approx(rate)


OFF = {"amp": "off", "tf32": False, "compile": False, "cuda_graph": False}
MODES = {"--amp bf16": {"amp": "bf16"}, "--amp fp16": {"amp": "fp16"}, "--tf32": {"tf32": True},
         "--compile": {"compile": True},
         "--fast": {"amp": "bf16", "tf32": True, "compile": True, "cuda_graph": True}}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of torch's compiler
@pytest.mark.parametrize("preset", ["", "--preset best"])
@pytest.mark.parametrize(("flags", "on"), MODES.items())
def test_faster_modes_learn_as_float32_does(dataroot, flags, on, preset):
    _, expected, moves = trained(dataroot, f"{COLORCUT} {preset}")
    model, losses, moved = trained(dataroot, f"{COLORCUT} {preset} {flags}")
    assert vars(model.opt.acceleration) == {**OFF, **on}
    assert (model.netG._compiled_call_impl is not None) == ("compile" in on)
    assert "cuda_graph" not in on or model.optimize_parameters.works
    assert losses == pytest.approx(expected, rel=0.05)
    assert_same_moves(moved, moves, cosine=0.5, length=0.2)


@pytest.mark.filterwarnings("ignore")  # of torch's compiler
@pytest.mark.parametrize("flags", ["", "--compile"])
def test_memory_of_a_step_is_known_for_each_phase(dataroot, flags):
    model, _, _ = trained(dataroot, f"{COLORCUT} {flags}")
    peaks = peaks_of_step(model)
    losses = [f"{net}_loss{backward}" for net in "DG" for backward in ("", ", backward")]
    assert set(peaks) == {"forward", *losses, *(f"optimizer_{net}.step" for net in "DGF")}
    assert peaks["G_loss"] > peaks["optimizer_G.step"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [(0, 0), (-1, 0), (0, -1)])
def test_run_continues_on_another_device(dataroot, tmp_path, first, second):
    run = f"--checkpoints_dir {tmp_path} --name run --display_id -1"
    output_of(f"train.py --dataroot {dataroot} {TINY} {COLORCUT} {run} --gpu_ids {first} --n_epochs 1")
    output_of(f"train.py {run} --continue_train --gpu_ids {second} --n_epochs 2")
    assert all(value.isfinite().all() for value in load(tmp_path / "run/latest_net_G.pth").values())
