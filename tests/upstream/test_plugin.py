"""The plugin: what it stands on, the further term of docs/plugin.md, and real training in a CUT checkout."""

import ast
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import create_dataset
from models.colorcut_model import ColorCUTModel
from options.train_options import TrainOptions
from tests.upstream.conftest import Checkout
from util.checkpoint import seed_everything

ROOT = Path(__file__).parents[2]
FILES = ["models/colorcut_model.py", "models/color_losses.py", "data/grayscale_unaligned_dataset.py"]
SMALL = ["--gpu_ids", -1, "--ngf", 16, "--ndf", 16, "--netG", "resnet_6blocks", "--netF_nc", 32, "--crop_size", 32,
         "--num_threads", 0, "--n_epochs_decay", 0, "--print_freq", 2, "--save_epoch_freq", 1]  # fmt: skip

# The contract: what a host must have under these names.
MODULES = {"contextlib", "functools", "torch", "torch.nn.functional", "models.color_losses",
           "models.cut_model", "data.unaligned_dataset", "util"}  # fmt: skip
OF_A_MODEL = {"opt", "device", "isTrain", "real_A", "real_B", "fake_B", "idt_B", "netG", "loss_names", "visual_names",
              "loss_G", "set_input", "compute_G_loss"}  # fmt: skip
OF_A_PARENT = {"__init__", "__getitem__", "set_input", "forward", "compute_G_loss"}
OF_OPTIONS = {"isTrain", "dataset_mode", "direction", "crop_size", "load_size", "nce_idt", "lambda_NCE"}


def trees() -> dict[str, ast.Module]:
    return {name: ast.parse((ROOT / name).read_text()) for name in FILES}


def test_the_plugin_imports_nothing_beyond_its_contract():
    for name, tree in trees().items():
        imported = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
        assert imported <= MODULES, name


def test_the_plugin_uses_nothing_of_its_host_beyond_its_contract():
    for name, tree in trees().items():
        own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        own |= {
            node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
        words = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
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


@pytest.mark.parametrize("mode", ["CUT", "FastCUT"])
def test_the_further_term_of_the_page_trains_here(pictures, tree, mode):
    here = Checkout(tree)
    (here.root / "models/colorcut_luma_model.py").write_text(further_term())
    common = ["train.py", "--dataroot", pictures, *SMALL, "--n_epochs", 1, "--seed", 1, "--CUT_mode", mode]
    for name, flags in {"plain": ["--model", "colorcut"], "off": ["--model", "colorcut_luma", "--lambda_luma", 0],
                        "luma": ["--model", "colorcut_luma", "--lambda_luma", 2]}.items():  # fmt: skip
        here.run(*common, "--name", name, *flags)
    plain, off, luma = (losses(here.root / f"checkpoints/{name}/loss_log.txt") for name in ("plain", "off", "luma"))
    assert plain == off and len(luma) == 2 and all(line["luma"] > 0 for line in luma)


@pytest.mark.parametrize("flipped", [False, True])
def test_the_further_term_of_the_page_is_what_it_says(pictures, flipped):
    """Its loss beside that of ColorCUT with the same weights, for both sides of FastCUT's coin."""
    page: dict = {}
    exec(further_term(), page)
    flags = (
        "--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --nce_layers 0,4,8 --seed 1 --num_threads 0"
    )
    opt = TrainOptions(f"--dataroot {pictures} {flags} --model colorcut --CUT_mode FastCUT").parse()
    opt.lambda_luma = 2.0
    totals = []
    for kind in (page["ColorCUTLumaModel"], ColorCUTModel):
        seed_everything(3)
        model = kind(opt)
        model.set_input(next(iter(create_dataset(opt))))
        model.flipped_for_equivariance = flipped
        model.forward()
        torch.manual_seed(5)
        totals.append(model.compute_G_loss().item())
    source, painted = model.real_A[0], model.fake_B[0]
    source = source.flip(2) if flipped else source
    red, green, blue = painted
    expected = (0.299 * red + 0.587 * green + 0.114 * blue - source[0]).abs().mean().item()
    assert totals[0] - totals[1] == pytest.approx(2 * expected, rel=1e-4)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_it_trains_and_paints_in_the_checkout_and_goes_on_here(upstream, pictures, tmp_path, batch_size):
    before = {p.relative_to(upstream.root): p.read_bytes() for p in upstream.root.rglob("*") if p.is_file()}
    install = ROOT / "scripts/install_plugin.sh"
    subprocess.run([install, upstream.root], check=True)
    (upstream.root / "models/colorcut_luma_model.py").write_text(further_term())
    run = ["--dataroot", pictures, "--direction", "BtoA", "--checkpoints_dir", tmp_path, *SMALL[:10]]
    colorcut = ["--dataset_mode", "grayscale_unaligned", "--display_id", -1, "--batch_size", batch_size,
                "--lambda_TV", 0.1, "--lambda_l1", 5, "--lambda_Var", 0.1, *SMALL[10:], "--n_epochs", 2]  # fmt: skip
    upstream.run("train.py", *run, *colorcut, "--model", "colorcut", "--name", "run")
    lines = losses(tmp_path / "run/loss_log.txt")
    assert len(lines) == 4  # two epochs of four pictures, a line each two
    assert all({"TV", "l1", "Var", "G_GAN", "NCE"} <= line.keys() and np.isfinite(list(line.values())).all()
               for line in lines)  # fmt: skip
    gray_identity = ["--idt_input", "gray", "--flip_equivariance", "true"]
    upstream.run("train.py", *run, *colorcut, *gray_identity, "--model", "colorcut_luma", "--name", "luma")
    assert all(line["luma"] > 0 for line in losses(tmp_path / "luma/loss_log.txt"))

    # Painted there, once the prefix is off as the page says.
    paint = ["test.py", *run, "--model", "colorcut", "--name", "run", "--results_dir"]
    (code,) = re.findall(r'python -c "(.*?)"', (ROOT / "docs/plugin.md").read_text(), re.DOTALL)
    upstream.run("-c", code.replace("\\\n", ""), *(tmp_path / "run").glob("*_net_?.pth"))
    upstream.run(*paint, tmp_path / "first")

    # Painted here from upstream's record, gone on with here, and then painted there.
    ours = Checkout(ROOT)
    ours.run("test.py", *run[:2], "--name", "run", *run[4:6], "--gpu_ids", -1, "--results_dir", tmp_path / "ours")
    said = ours.run("train.py", *run[:2], "--name", "run", *run[4:6], "--gpu_ids", -1, "--continue_train",
                    "--epoch_count", 3, "--n_epochs", 3)  # fmt: skip
    assert "end of epoch 3 / 3" in said and "from the networks of epoch latest alone" in said
    upstream.run(*paint, tmp_path / "theirs")
    for side in ("first", "ours", "theirs"):
        painted = sorted((tmp_path / side / "run/test_latest/images/fake_B").glob("*.png"))
        assert len(painted) == 4
        for path in painted:
            with Image.open(path) as file:
                assert file.size == (48, 40) and np.ptp(np.asarray(file).astype(int), axis=2).max() > 0  # not grey

    (upstream.root / "models/colorcut_luma_model.py").unlink()
    subprocess.run([install, "--uninstall", upstream.root], check=True)
    after = {p.relative_to(upstream.root): p.read_bytes() for p in upstream.root.rglob("*") if p.is_file()}
    assert after == before
