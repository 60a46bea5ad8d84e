"""The plugin: what it stands on, the further term of docs/plugin.md, and real training in a CUT checkout."""

import ast
import re
import subprocess
from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from models.colorcut_model import ColorCUTModel
from tests.helpers.build import build_with_batch
from tests.helpers.flags import COLORCUT
from tests.helpers.images import read
from tests.helpers.launch import ROOT, output_of
from tests.test_layers import PLUGIN

SMALL = ("--gpu_ids -1 --ngf 16 --ndf 16 --netG resnet_6blocks --netF_nc 32 --crop_size 32 --num_threads 0 "
         "--n_epochs_decay 0 --print_freq 2 --save_epoch_freq 1")  # fmt: skip

# The contract: what a host must have under these names. tests/test_layers.py knows what the plugin imports.
OF_A_MODEL = {"opt", "device", "isTrain", "real_A", "real_B", "fake_B", "idt_B", "netG", "netD", "criterionGAN",
              "loss_names", "visual_names", "loss_G", "loss_NCE", "set_input", "compute_D_loss", "compute_G_loss",
              "calculate_NCE_loss"}  # fmt: skip
OF_A_PARENT = {"__init__", "__getitem__", "set_input", "forward", "compute_D_loss", "compute_G_loss",
               "identity_source"}  # only a host that has it calls the last  # fmt: skip
OF_OPTIONS = {"isTrain", "dataset_mode", "direction", "crop_size", "load_size", "nce_idt", "lambda_NCE",
              "lambda_GAN"}  # fmt: skip


def test_plugin_uses_nothing_of_its_host_beyond_its_contract():
    for name in PLUGIN:
        tree = ast.parse((ROOT / name).read_text())
        own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        nodes = list(ast.walk(tree))
        own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
        words = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        flags = {word.removeprefix("--") for word in words if re.fullmatch(r"--\w+", word)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            owner = ast.unparse(node.value)
            if owner.startswith("super("):
                assert node.attr in OF_A_PARENT, f"{name}: super().{node.attr}"
            elif owner == "self":
                assert node.attr in OF_A_MODEL | own, f"{name}: self.{node.attr}"
            elif owner in ("opt", "self.opt"):
                assert node.attr in OF_OPTIONS | flags, f"{name}: opt.{node.attr}"
            elif owner == "util":
                assert node.attr == "copyconf"


def further_term() -> str:
    """The worked example of docs/plugin.md."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/plugin.md").read_text(), re.DOTALL)
    return code


def losses(log: Path) -> list[dict[str, float]]:
    lines = [line.split(")", 1)[1] for line in log.read_text().splitlines() if line.startswith("(epoch")]
    return [{name: float(value) for name, value in re.findall(r"(\w+): (\S+)", line)} for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["CUT", "FastCUT"])
def test_plugin_trains_with_the_further_term_of_the_page(dataroot, tree, mode):
    (tree / "models/colorcut_luma_model.py").write_text(further_term())
    flags = f"--dataroot {dataroot} {SMALL} --n_epochs 1 --CUT_mode {mode} --display_id -1"
    output_of(f"train.py {flags} --name luma --model colorcut_luma --lambda_luma 2", cwd=tree)
    logged = losses(tree / "checkpoints/luma/loss_log.txt")
    assert len(logged) == 2 and all(line["luma"] > 0 for line in logged)


def with_weight(kind: type[ColorCUTModel], weight: float, opt: Namespace) -> ColorCUTModel:
    return kind(Namespace(**vars(opt), lambda_luma=weight))


@pytest.mark.parametrize("flipped", [False, True])
def test_plugin_s_further_term_is_what_the_page_says(dataroot, flipped):
    """Its loss beside that of ColorCUT with the same weights, in a flipped iteration of FastCUT and in another."""
    page: dict = {}
    exec(further_term(), page)
    totals = []
    for kind, weight in ((page["ColorCUTLumaModel"], 2.0), (page["ColorCUTLumaModel"], 0.0), (ColorCUTModel, 0.0)):
        model = build_with_batch(dataroot, f"{COLORCUT} --CUT_mode FastCUT", partial(with_weight, kind, weight))
        model.flipped_for_equivariance = flipped
        model.forward()
        torch.manual_seed(5)
        totals.append(model.compute_G_loss().item())
    source, painted = model.real_A[0], model.fake_B[0]
    source = source.flip(2) if flipped else source
    red, green, blue = painted
    expected = (0.299 * red + 0.587 * green + 0.114 * blue - source[0]).abs().mean().item()
    assert totals[0] - totals[1] == pytest.approx(2 * expected, rel=1e-4) and totals[1] == totals[2]


def content(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2])
def test_plugin_trains_and_colors_in_a_cut_checkout_and_continues_here(upstream, dataroot, tmp_path, batch_size):
    before, install = content(upstream.root), ROOT / "scripts/install_plugin.sh"
    subprocess.run([install, upstream.root], check=True)
    (upstream.root / "models/colorcut_luma_model.py").write_text(further_term())
    run = f"--dataroot {dataroot} --direction BtoA --checkpoints_dir {tmp_path}"
    flags = f"{run} {SMALL} --dataset_mode grayscale_unaligned --display_id -1 --batch_size {batch_size} --n_epochs 2"
    flags += " --lambda_TV 0.1 --lambda_l1 5 --lambda_Var 0.1"
    further_flags = "--keep_luma --lambda_range 10 --gan_on both --gan_chroma" if batch_size == 2 else ""
    upstream.run(f"train.py {flags} {further_flags} --model colorcut --name run")
    lines = losses(tmp_path / "run/loss_log.txt")
    assert len(lines) == 4  # two epochs of four images, a line for every two
    for line in lines:
        assert {"TV", "l1", "Var", "G_GAN", "NCE"} <= line.keys() and ("range" in line) == bool(further_flags)
        assert np.isfinite(list(line.values())).all()
    gray_identity = "--idt_input gray --flip_equivariance true"
    upstream.run(f"train.py {flags} {gray_identity} {further_flags} --model colorcut_luma --name luma")
    lines = losses(tmp_path / "luma/loss_log.txt")
    assert all((line["luma"] > 0) != bool(further_flags) and line["NCE_Y"] > 0 for line in lines)

    # Tested there, once the prefix of the keys is off as the page says.
    network = "--gpu_ids -1 --ngf 16 --ndf 16 --netG resnet_6blocks --netF_nc 32"
    test = f"test.py {run} {network} {further_flags} --model colorcut --name run --results_dir"
    (code,) = re.findall(r'python -c "(.*?)"', (ROOT / "docs/plugin.md").read_text(), re.DOTALL)
    upstream.run(["-c", code.replace("\\\n", ""), *(tmp_path / "run").glob("*_net_?.pth")])
    upstream.run(f"{test} {tmp_path / 'first'}")

    # Tested here with the options that CUT recorded, continued here, and then tested there.
    own = f"--dataroot {dataroot} --checkpoints_dir {tmp_path} --name run --gpu_ids -1"
    output_of(f"test.py {own} --preprocess none --results_dir {tmp_path / 'ours'}")
    printed = output_of(f"train.py {own} --continue_train --epoch_count 3 --n_epochs 3 --display_id -1")
    assert "end of epoch 3 / 3" in printed and "with the networks of epoch latest" in printed
    upstream.run(f"{test} {tmp_path / 'theirs'}")
    for side in ("first", "ours", "theirs"):
        painted = sorted((tmp_path / side / "run/test_latest/images/fake_B").glob("*.png"))
        assert len(painted) == 4
        for image in map(read, painted):
            assert image.shape == (40, 48, 3) and np.ptp(image.astype(int), axis=2).max() > 0  # not gray

    (upstream.root / "models/colorcut_luma_model.py").unlink()
    subprocess.run([install, "--uninstall", upstream.root], check=True)
    assert content(upstream.root) == before
