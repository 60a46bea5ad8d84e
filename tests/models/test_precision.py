"""16 bits: what is computed in them and what is not, gradients beside float32's, fallbacks, and compiled networks."""

import pytest
import torch
import torch.nn.functional as F

from data import create_dataset
from models import create_model
from models.precision import Precision
from options.train_options import TrainOptions
from util.checkpoint import seed_everything

FLAGS = ("--gpu_ids -1 --ngf 8 --ndf 8 --netG resnet_4blocks --crop_size 32 --num_threads 0 --seed 1 "
         "--init_gain 1 --pool_size 0 --lr 1e-9")  # fmt: skip
CUT = "--netF_nc 32 --num_patches 16 --nce_layers 0,4,8,12"
MODELS = {
    "ColorCUT": f"--model colorcut --lambda_TV 0.3 {CUT}",
    "FastCUT": f"--model cut --CUT_mode FastCUT {CUT}",
    "CycleGAN": "--model cycle_gan --dataset_mode grayscale_unaligned",
    "pix2pix": "--model pix2pix --dataset_mode colorization --netG resnet_4blocks --no_dropout true",
}
SENSITIVE = ("group_norm", "cross_entropy", "softplus")  # statistics of a norm, NCE, pix2pix's GAN loss


def step_of(pictures, flags: str, amp: str):
    """A model after one step in a precision, which the options would refuse on a CPU."""
    opt = TrainOptions(f"--dataroot {pictures} {FLAGS} {flags}").parse()
    seed_everything(3)
    model = create_model(opt)
    model.precision = Precision(amp, opt.device)
    model.set_input(next(iter(create_dataset(opt))))
    for _ in range(20):  # until fp16 has found its scale; weights hardly move
        seed_everything(4)
        model.optimize_parameters()
        if amp != "fp16" or all(gradient.isfinite().all() for gradient in gradients(model).values()):
            return model
    raise AssertionError("fp16 finds no scale")


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
            for name, net in model.networks().items()}  # fmt: skip


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
@pytest.mark.parametrize("name", MODELS)
def test_16_bits_have_the_gradients_of_float32(pictures, name, amp):
    full, half = (step_of(pictures, MODELS[name], kind) for kind in ("off", amp))
    for key, loss in full.get_current_losses().items():
        assert half.get_current_losses()[key] == pytest.approx(loss, rel=0.05, abs=0.02), key
    for net, expected in gradients(full).items():
        got = gradients(half)[net]
        assert got.dtype == torch.float32 and len(got) == len(expected)
        assert F.cosine_similarity(got, expected, dim=0) > (0.9 if amp == "bf16" else 0.99), net
        assert got.norm().item() == pytest.approx(expected.norm().item(), rel=0.15), net


@pytest.mark.parametrize("name", MODELS)
def test_convolutions_are_in_16_bits_and_losses_and_statistics_are_not(pictures, monkeypatch, name):
    seen: dict[str, set[torch.dtype]] = {}

    def watch(module, function: str) -> None:
        original = getattr(module, function)

        def watched(x, *args, **kwargs):
            out = original(x, *args, **kwargs)
            seen.setdefault(function, set()).add(out.dtype if function == "bmm" else x.dtype)
            return out

        monkeypatch.setattr(module, function, watched)

    for function in SENSITIVE:
        watch(F, function)
    watch(torch, "bmm")
    convolutions = []
    original = torch.nn.Conv2d.forward

    def convolve(self, x):
        convolutions.append(original(self, x))
        return convolutions[-1]

    monkeypatch.setattr(torch.nn.Conv2d, "forward", convolve)
    model = step_of(pictures, MODELS[name], "bf16")
    assert {out.dtype for out in convolutions} == {torch.bfloat16}
    assert "group_norm" in seen or name == "pix2pix"
    assert seen.pop("l1_loss", {torch.float32}) <= {
        torch.float32,
        torch.bfloat16,
    }  # promoted: the other side is float32
    assert all(kinds == {torch.float32} for kinds in seen.values()), seen
    assert {loss.dtype for loss in model._losses().values()} == {torch.float32}


def test_scaled_losses_of_fp16_skip_a_step_that_overflows(pictures):
    model = step_of(pictures, MODELS["FastCUT"], "fp16")
    before = {key: value.clone() for key, value in model.netG.state_dict().items()}
    scale = model.precision.scaler.get_scale()
    model.opt.lambda_GAN = 1e30
    model.optimize_parameters()
    assert all(torch.equal(value, before[key]) for key, value in model.netG.state_dict().items())
    assert model.precision.scaler.get_scale() < scale
    state = model.state()["scaler"]
    assert state["scale"] == model.precision.scaler.get_scale()


def test_a_cpu_leaves_out_what_only_gpus_are_faster_with(pictures, capsys):
    options = TrainOptions(f"--dataroot {pictures} {FLAGS} --fast")
    opt = options.parse()
    assert vars(opt.served) == {"amp": "off", "tf32": False, "compile": False, "cuda_graph": False}
    assert [line.split(":")[0] for line in options.left_out] == ["--amp", "--tf32", "--compile", "--cuda_graph"]
    assert TrainOptions(f"--dataroot {pictures} {FLAGS} --amp fp16").parse().served.amp == "off"
    plain = TrainOptions(f"--dataroot {pictures} {FLAGS}")
    plain.parse()
    assert plain.left_out == []


@pytest.mark.filterwarnings("ignore")  # of torch's compiler
@pytest.mark.parametrize("name", ["ColorCUT", "CycleGAN"])
def test_networks_compile_whole_and_compute_the_same(pictures, name):
    """Through the compiler's front end and autograd; its kernels would take minutes here."""
    plain = step_of(pictures, MODELS[name], "off")
    opt = TrainOptions(f"--dataroot {pictures} {FLAGS} {MODELS[name]}").parse()
    seed_everything(3)
    model = create_model(opt)
    for net in model.networks().values():
        net.compile(backend="aot_eager", fullgraph=True)
    model.set_input(next(iter(create_dataset(opt))))
    seed_everything(4)
    model.optimize_parameters()
    for net, expected in gradients(plain).items():
        assert torch.allclose(gradients(model)[net], expected, rtol=1e-4, atol=1e-5 * expected.abs().max()), net
    assert [key for net in model.networks().values() for key in net.state_dict()] == [
        key for net in plain.networks().values() for key in net.state_dict()
    ]
