"""--amp: what is computed in 16 bits, and gradients beside those of float32; --compile; flags that a CPU disables."""

import pytest
import torch
import torch.nn.functional as F

from options.train_options import TrainOptions
from tests.helpers.build import build, same_tensors
from tests.helpers.flags import MODELS, TINY
from util.random_state import seed_everything

FLAGS = "--ngf 8 --ndf 8 --pool_size 0 --lr 1e-9"
SENSITIVE = ("group_norm", "cross_entropy", "softplus")  # statistics of a norm, NCE, pix2pix's GAN loss
FOUR_MODELS = ["ColorCUT", "FastCUT", "CycleGAN", "pix2pix"]


def flags_of(name: str) -> str:
    more = {"ColorCUT": "--netF_nc 32 --lambda_TV 0.3", "FastCUT": "--netF_nc 32", "pix2pix": "--no_dropout true"}
    return f"{FLAGS} {MODELS[name]} {more.get(name, '')}"


def after_a_step(dataroot, name: str, amp: str = "off", backend: str | None = None):
    """A model after one step with --amp, which is disabled on a CPU, or with compiled networks."""
    model, loader = build(dataroot, flags_of(name))
    model.opt.acceleration.amp = amp
    model.scaler = torch.amp.GradScaler("cpu", enabled=amp == "fp16")
    for net in model.networks().values() if backend else []:
        net.compile(backend=backend, fullgraph=True)
    batch = next(iter(loader))
    for _ in range(20):  # until fp16 has found its scale; the weights hardly move
        seed_everything(4)
        model.set_input(batch)
        model.optimize_parameters()
        if amp != "fp16" or all(gradient.isfinite().all() for gradient in gradients(model).values()):
            return model
    raise AssertionError("fp16 finds no scale")


def gradients(model) -> dict[str, torch.Tensor]:
    nets = model.networks().items()
    return {name: torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]) for name, net in nets}


@pytest.mark.slow
@pytest.mark.parametrize("amp", ["bf16", "fp16"])
@pytest.mark.parametrize("name", FOUR_MODELS)
def test_amp_has_the_gradients_of_float32(dataroot, name, amp):
    full, half = (after_a_step(dataroot, name, kind) for kind in ("off", amp))
    for key, loss in full.get_current_losses().items():
        assert half.get_current_losses()[key] == pytest.approx(loss, rel=0.05, abs=0.02), key
    for net, expected in gradients(full).items():
        got = gradients(half)[net]
        assert got.dtype == torch.float32 and len(got) == len(expected)
        assert F.cosine_similarity(got, expected, dim=0) > (0.9 if amp == "bf16" else 0.99), net
        assert got.norm().item() == pytest.approx(expected.norm().item(), rel=0.15), net


@pytest.mark.parametrize("name", FOUR_MODELS)
def test_amp_computes_convolutions_in_16_bits_and_losses_and_statistics_in_32(dataroot, monkeypatch, name):
    seen: dict[str, set[torch.dtype]] = {}

    def watch(owner, function: str, dtype_of) -> None:
        original = getattr(owner, function)

        def watched(*args, **kwargs):
            out = original(*args, **kwargs)
            seen.setdefault(function, set()).add(dtype_of(args, out))
            return out

        monkeypatch.setattr(owner, function, watched)

    for function in SENSITIVE:
        watch(F, function, lambda args, out: args[0].dtype)
    watch(torch, "bmm", lambda args, out: out.dtype)
    watch(torch.nn.Conv2d, "forward", lambda args, out: out.dtype)
    model = after_a_step(dataroot, name, "bf16")
    assert seen.pop("forward") == {torch.bfloat16}
    assert "group_norm" in seen or name == "pix2pix"
    assert all(dtypes == {torch.float32} for dtypes in seen.values()), seen
    assert {loss.dtype for loss in model.losses().values()} == {torch.float32}


def test_amp_fp16_skips_a_step_that_overflows(dataroot):
    model = after_a_step(dataroot, "FastCUT", "fp16")
    before = {key: value.clone() for key, value in model.netG.state_dict().items()}
    scale = model.scaler.get_scale()
    model.opt.lambda_GAN = 1e30
    model.optimize_parameters()
    assert same_tensors(before, model.netG.state_dict())
    assert model.state()["scaler"]["scale"] == model.scaler.get_scale() < scale


def test_acceleration_is_disabled_on_a_cpu_in_one_line_for_each_flag_given():
    options = TrainOptions(f"--dataroot x {TINY} --fast")
    opt = options.parse()
    assert vars(opt.acceleration) == {"amp": "off", "tf32": False, "compile": False, "cuda_graph": False}
    words = [line.split()[0] for line in options.disabled]
    assert sorted(words) == ["--amp", "--compile", "--cuda_graph", "--tf32"]
    assert TrainOptions(f"--dataroot x {TINY} --amp fp16").parse().acceleration.amp == "off"
    plain = TrainOptions(f"--dataroot x {TINY}")
    plain.parse()
    assert plain.disabled == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's compiler
@pytest.mark.parametrize("name", ["ColorCUT"])
def test_compiled_networks_compute_the_same(dataroot, name):
    """Each is one graph to the compiler and to autograd. Its kernels would take minutes here."""
    plain, compiled = after_a_step(dataroot, name), after_a_step(dataroot, name, backend="aot_eager")
    for net, expected in gradients(plain).items():
        assert torch.allclose(gradients(compiled)[net], expected, rtol=1e-4, atol=1e-5 * expected.abs().max()), net
    keys = [[key for net in model.networks().values() for key in net.state_dict()] for model in (plain, compiled)]
    assert keys[0] == keys[1]
