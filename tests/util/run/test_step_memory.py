"""Bytes of tensors counted by hand, and a training that does not notice that its memory is watched."""

import json
import subprocess
import sys
from argparse import Namespace
from itertools import accumulate

import pytest
import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile, record_function

from data import create_dataset
from models import create_model
from models.base_model import BaseModel
from options.train_options import TrainOptions
from tests.runs import COLORCUT, ROOT
from util.checkpoint import seed_everything
from util.run.step_memory import LiveTensors, parts_of, peaks_of_step, report_second_step

CPU = torch.device("cpu")


def test_what_autograd_alone_holds_counts_until_it_lets_go():
    images, weights = torch.randn(1, 1, 8, 8), torch.randn(4, 1, 3, 3, requires_grad=True)
    given, features = 4 * (64 + 36), 4 * 4 * 64
    with LiveTensors(CPU, [images, weights]) as memory:
        assert memory.live == memory.peak == given
        loss = F.relu(F.conv2d(images, weights, padding=1)).sum()
        assert memory.live == given + features + 4  # ReLU keeps its result; what it was given is gone
        assert memory.peak == given + 2 * features
        memory.restart()
        loss.backward()
        assert memory.live == given + 4 + 4 * 36
        assert memory.peak == given + 4 + 4 + 2 * features  # ReLU's gradient, and that of the loss, which is 1
        del loss
        weights.grad = None
        assert memory.live == given


def test_memory_counts_once_and_only_on_the_device():
    with LiveTensors(CPU, []) as memory:
        x = torch.zeros(1000)
        views = [x[10:], x.view(10, 100).t(), *x.chunk(4)]
        x.add_(1).clamp_(0)
        assert memory.live == memory.peak == 4000
        torch.empty(10**6, device="meta")
        assert memory.live == memory.peak == 4000
        del x
        assert memory.live == 4000
        del views
        assert memory.live == 0
        y = torch.zeros(10)
        y.resize_(30)
        assert memory.live == 120


N = 4000  # bytes of the toy's weights


class Toy(BaseModel):
    """A fake_B of 5 N bytes, and a loss that keeps 5 N more."""

    def __init__(self):
        super().__init__(Namespace(gpu_ids=[], isTrain=True, device=CPU, checkpoints_dir="", name="",
                                   accumulate=1, direction="AtoB",
                                   served=Namespace(amp="off", compile=False)))  # fmt: skip
        self.model_names, self.netG = ["G"], torch.nn.Module()
        self.netG.weight = torch.nn.Parameter(torch.randn(N // 4))
        self.optimizer_G = torch.optim.SGD(self.netG.parameters(), lr=0.1, momentum=0.9)
        self.optimizers = [self.optimizer_G]

    def forward(self):
        self.fake_B = self.netG.weight * self.real_A

    def compute_G_loss(self):
        self.loss_G = self.fake_B.exp().sin().sum()
        return self.loss_G

    def optimize_parameters(self):
        self.update(([self.optimizer_G], self.compute_G_loss))


def test_phases_of_a_step_counted_by_hand():
    model = Toy()
    for _ in range(2):
        model.set_input({"A": torch.randn(5, N // 4), "B": torch.randn(5, N // 4), "A_paths": []})
        peaks = peaks_of_step(model)
    assert parts_of(model) == {"weights of G": N, "gradients": N, "moments": N, "batch": 10 * N}
    bytes_of_phase = {
        "forward": 22 * N,  # weights, moments, batch, fake_B of the step before, fake_B
        "G_loss": 27 * N,  # weights, moments, batch, fake_B, exp, sin
        "G_loss, backward": 32 * N,  # weights, moments, batch, fake_B, exp, cos, gradient of exp
        "optimizer_G.step": 18 * N,  # weights, moments, batch, fake_B, gradients
    }
    assert list(peaks) == list(bytes_of_phase)
    for phase, size in bytes_of_phase.items():
        assert peaks[phase] == {"tensors": pytest.approx(size, abs=100)}  # single numbers, as losses, beside
    assert not {"forward", "update"} & set(vars(model))


TINY = ("--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --load_size 36 --num_threads 0 --seed 1 "
        "--batch_size 2")  # fmt: skip
CUT = "--netF_nc 8 --num_patches 16 --nce_layers 0,4,8"
MODELS = {
    "cut": CUT,
    "colorcut": f"--flip_equivariance {CUT}",
    "cycle_gan": "--dataset_mode grayscale_unaligned",
    "pix2pix": "--dataset_mode colorization --netG resnet_4blocks",
}


def trained(pictures, flags: str, said: list[str] | None):
    opt = TrainOptions(f"--dataroot {pictures} {flags}").parse()
    seed_everything(opt.seed)
    dataset, model = create_dataset(opt), create_model(opt)
    model.setup(opt)
    if said is not None:
        report_second_step(model, said.append)
    for _ in range(4):
        for batch in dataset:
            model.set_input(batch)
            model.optimize_parameters()
    return model


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("micro_batches", [1, 2])
def test_training_is_the_same_bit_for_bit_and_told_once(pictures, name, micro_batches):
    flags = f"{TINY} --model {name} {MODELS[name]} --accumulate {micro_batches}"
    said: list[str] = []
    watched, unwatched = trained(pictures, flags, said), trained(pictures, flags, None)
    assert watched.get_current_losses() == unwatched.get_current_losses()
    for one, other in zip(watched.networks().values(), unwatched.networks().values(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert len(said) == 1 and "<- the peak" in said[0]
    rows = {line.split("   ")[0].strip() for line in said[0].splitlines()}
    of_nets = {row for net in "DG" for row in (f"{net}_loss", f"{net}_loss, backward", f"optimizer_{net}.step")}
    assert {"forward", *of_nets} <= rows

    parts = parts_of(watched)
    numbers = {name: sum(p.numel() for p in net.parameters()) for name, net in watched.networks().items()}
    assert {name: parts[f"weights of {name}"] for name in numbers} == {name: 4 * n for name, n in numbers.items()}
    assert parts["gradients"] == 4 * sum(numbers.values())
    tensors = sum(len(list(net.parameters())) for net in watched.networks().values())
    assert parts["moments"] == 8 * sum(numbers.values()) + 4 * tensors  # Adam's two, and its count of steps
    assert parts["batch"] == 2 * 4 * 2 * micro_batches * 3 * 32 * 32


def test_of_several_processes_the_first_tells(pictures, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "train.py"]
    command += ["--dataroot", pictures, *COLORCUT, "--display_id", "-1", "--checkpoints_dir", tmp_path, "--no_html"]
    done = subprocess.run([*map(str, command), "--n_epochs", "2", "--max_memory_report"], cwd=ROOT, capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("memory of this training step") == done.stdout.count("optimizer_G.step") == 1


def test_the_peak_is_that_of_the_allocator(pictures, tmp_path):
    """By torch's profiler, which sees each block of memory come and go; operations take some for themselves."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        opt = TrainOptions(f"--dataroot {pictures} {TINY} --model colorcut {CUT}").parse()
        seed_everything(opt.seed)
        model, batch = create_model(opt), next(iter(create_dataset(opt)))
        for _ in range(2):
            model.set_input(batch)
            model.optimize_parameters()
        with record_function("third step"):
            peaks = peaks_of_step(model)
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    step = next(event for event in events if event["name"] == "third step")
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    totals = accumulate(size for _, size in changes)
    in_step = [total for total, (time, _) in zip(totals, changes, strict=True) if 0 <= time - step["ts"] <= step["dur"]]
    peak = max(sizes["tensors"] for sizes in peaks.values())
    assert peak <= max(in_step) <= 1.1 * peak


def test_micro_batches_hold_the_graph_of_one(pictures):
    """In each phase 4 micro-batches take but little more than one; a batch of 4 takes far more."""

    def peaks(flags: str) -> dict[str, int]:
        opt = TrainOptions(f"--dataroot {pictures} {TINY} --model colorcut {MODELS['colorcut']} {flags}").parse()
        seed_everything(1)
        model, batches = create_model(opt), create_dataset(opt)
        for batch in batches:
            model.set_input(batch)
            model.optimize_parameters()
        lasting = sum(parts_of(model).values())
        return {phase: sizes["tensors"] - lasting for phase, sizes in peaks_of_step(model).items()}

    one, micro, whole = (peaks(f"--batch_size {size} --accumulate {n}") for size, n in ((1, 1), (1, 4), (4, 1)))
    for phase in ("forward", "D_loss", "G_loss", "G_loss, backward"):
        assert micro[phase] < 1.2 * one[phase] and whole[phase] > 2.5 * one[phase], phase
