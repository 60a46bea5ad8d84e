"""Checkpoints go both ways between CUT and here. One that does not fit says what would make it fit."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from models import create_model
from models.networks import define_D, define_F, define_G
from models.networks.infer_flags import infer_flags
from options.test_options import TestOptions
from options.train_options import TrainOptions
from tests.helpers.images import read
from tests.helpers.launch import ROOT
from tests.upstream.conftest import Checkout
from tests.upstream.seeded import fill, images, summary
from util.errors import UserError

FACTS = json.loads(Path(__file__).with_name("facts.json").read_text())
NETWORKS = [pytest.param(fact, id=" ".join(map(str, fact["keywords"].values()))) for fact in FACTS["networks"]]


def build(fact: dict) -> torch.nn.Module:
    """Our network for a recorded one, with the same weights."""
    kind, keywords = fact["kind"], fact["keywords"]
    if kind == "F":
        net = define_F([shape[1] for shape in fact["input"]], **keywords)
    else:
        net = define_G(3, 3, 4, **keywords) if kind == "G" else define_D(3, 4, **keywords)
    return fill(net)


@pytest.mark.parametrize("fact", NETWORKS)
def test_networks_have_the_keys_shapes_and_outputs_of_cut(fact):
    net = build(fact)
    keys = {f"{key}:{'x'.join(map(str, value.shape))}" for key, value in net.state_dict().items()}
    assert keys == set(fact["keys"].split())
    if fact["kind"] == "F":
        features = [images(*shape) for shape in fact["input"]]
        patch_ids = [torch.arange(0, feature.shape[2] * feature.shape[3], 5) for feature in features]
        outputs = [summary(layer) for layer in net(features, patch_ids)]
    else:
        outputs = summary(net(images(*fact["input"])))
    assert np.allclose(outputs, fact["output"], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("fact", NETWORKS)
def test_infer_flags_finds_the_flags_of_a_state_dict(fact):
    state, keywords = build(fact).state_dict(), dict(fact["keywords"])
    if fact["kind"] == "F":
        assert infer_flags("F", state) == ({"netF": "mlp_sample", "netF_nc": 8} if state else {})
        return
    norm = keywords.pop("norm")
    inferred = infer_flags(fact["kind"], state)
    if fact["kind"] == "G":
        expected = {**keywords, "normG": norm, "ngf": 4, "input_nc": 3, "output_nc": 3}
        if keywords["netG"].startswith("unet"):
            expected = {k: v for k, v in expected.items() if not k.startswith("no_anti")}
        else:
            expected["no_dropout"] = True
    else:
        expected = {**keywords, "normD": norm, "ndf": 4}
        unknown = {"basic": ["n_layers_D"], "n_layers": [], "pixel": ["n_layers_D", "no_antialias"]}
        expected = {k: v for k, v in expected.items() if k not in unknown[keywords["netD"]]}
    assert inferred == expected


def run_of(tmp_path: Path, flags: str, train: bool = False):
    """A model whose checkpoints lie in tmp_path/run."""
    common = f"--dataroot none --gpu_ids -1 --checkpoints_dir {tmp_path} --name run"
    opt = (TrainOptions if train else TestOptions)([*common.split(), *flags.split()]).parse()
    return create_model(opt)


SMALL = "--ngf 4 --ndf 4 --netG resnet_4blocks --netF_nc 8"


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_checkpoint_of_dataparallel_and_of_old_instance_norms_loads(tmp_path, norm):
    model = run_of(tmp_path, f"{SMALL} --normG {norm}")
    state = fill(model.netG).float().state_dict()
    expected = model.netG(images(1, 3, 32, 32).float())
    old = {f"module.{key}": value for key, value in state.items()}
    if norm == "instance":
        for layer in ("model.2", "model.12.conv_block.2"):
            old[f"module.{layer}.running_mean"] = torch.zeros(4)
            old[f"module.{layer}.running_var"] = torch.ones(4)
            old[f"module.{layer}.num_batches_tracked"] = torch.tensor(7)
    (tmp_path / "run").mkdir()
    torch.save(old, tmp_path / "run/latest_net_G.pth")
    model = run_of(tmp_path, f"{SMALL} --normG {norm}")
    model.load_networks("latest")
    model.eval()
    assert torch.equal(model.netG(images(1, 3, 32, 32).float()), expected)


OTHER = ["--ngf 8", "--netG resnet_6blocks", "--no_antialias", "--no_antialias_up", "--normG batch", "--ndf 8",
         "--normG none --no_dropout false", "--netD pixel", "--netD n_layers --n_layers_D 4", "--normD batch",
         "--netF_nc 16", "--ngf 8 --ndf 2 --netG resnet_9blocks --no_antialias"]  # fmt: skip


@pytest.mark.parametrize("flags", OTHER)
def test_checkpoint_that_does_not_fit_names_layers_and_flags_that_make_it_fit(tmp_path, flags):
    theirs = run_of(tmp_path, f"{SMALL} {flags}", train=True)
    (tmp_path / "run").mkdir()
    theirs.save_networks("latest")
    needed = SMALL
    for _ in range(3):  # G, D and F may each have something to say
        try:
            ours = run_of(tmp_path, needed, train=True)
            ours.load_networks("latest")
            break
        except UserError as error:
            message = str(error)
            assert re.search(r"net_[GDF]\.pth does not fit net[GDF]: (mlp_0|model|net)\.\d", message)
            assert "\n" not in message and "It fits with these flags: --" in message
            needed += " " + message.split("these flags:")[1].replace(",", "")
    for name, net in theirs.networks().items():
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), ours.networks()[name].parameters(), strict=True))


def test_checkpoint_that_does_not_fit_names_a_switch_to_leave_out(tmp_path):
    theirs = run_of(tmp_path, SMALL, train=True)
    (tmp_path / "run").mkdir()
    theirs.save_networks("latest")
    with pytest.raises(UserError, match=r"these flags: without --no_antialias$"):
        run_of(tmp_path, f"{SMALL} --no_antialias", train=True).load_networks("latest")
    with pytest.raises(UserError, match="No flag would make it fit"):
        run_of(tmp_path, f"{SMALL} --nce_layers 0,4", train=True).load_networks("latest")


def test_record_of_cut_is_restored(tmp_path):
    """train_opt.txt as CUT writes it, of a run that was moved here."""
    (tmp_path / "run").mkdir()
    lines = ["----------------- Options ---------------",
             "          checkpoints_dir: /home/me/runs                 \t[default: ./checkpoints]",
             "                direction: BtoA                          \t[default: AtoB]",
             "                  gpu_ids: 0,1                           \t[default: 0]",
             "                  isTrain: True                          \t[default: None]",
             "         max_dataset_size: inf                           ",
             "                     ngf: 8                             \t[default: 64]",
             "                     name: theirs                        \t[default: experiment_name]",
             "             no_antialias: True                          \t[default: False]",
             "               no_dropout: False                         \t[default: True]",
             "               preprocess: resize_and_crop               ",
             "stylegan2_G_num_downsampling: 1                             ",
             "                    suffix:                               ",
             "----------------- End -------------------"]  # fmt: skip
    (tmp_path / "run/train_opt.txt").write_text("\n".join(lines))
    common = f"--dataroot none --gpu_ids -1 --checkpoints_dir {tmp_path} --name run"
    opt = TestOptions(common).parse()
    assert (opt.direction, opt.ngf, opt.no_antialias, opt.no_dropout) == ("BtoA", 8, True, False)
    assert (opt.preprocess, opt.load_size, opt.name, opt.checkpoints_dir) == ("resize", 256, "run", str(tmp_path))
    opt = TrainOptions(f"{common} --continue_train --ngf 16").parse()
    assert (opt.ngf, opt.direction, opt.max_dataset_size, opt.name) == (16, "BtoA", float("inf"), "run")
    (tmp_path / "run/train_opt.txt").write_text("   netG: stylegan2\t[default: resnet_9blocks]")
    for said, expected in {"netG: stylegan2": "--netG stylegan2 is not available here, only resnet_9blocks",
                           "ngf: abc": "--ngf abc", "model: sincut": "--model sincut",
                           "preprocess: zoom_and_patch": "--preprocess zoom_and_patch"}.items():  # fmt: skip
        (tmp_path / "run/train_opt.txt").write_text(f"   {said}\t[default: x]")
        with pytest.raises(
            UserError, match=rf"run/train_opt\.txt says {expected}.*; a flag given on the command line wins"
        ):
            TestOptions(common).parse()
    assert TestOptions(f"{common} --preprocess resize").parse().preprocess == "resize"
    # A test ignores the flags of training, and the encoding of another system.
    (tmp_path / "run/train_opt.txt").write_bytes(
        "   netD: stylegan2\n  display_id: 5\n   dataroot: C:/H\xfcte".encode("cp1252")
    )
    assert TestOptions(common).parse().ngf == 64
    (tmp_path / "run/train_opt.txt").write_text("   gray_range: [0.0, 4095.0]\n   display_id: 5\n")
    assert TestOptions(common).parse().gray_range == [0, 4095]
    assert TrainOptions(f"{common} --continue_train").parse().display_id == 5


def test_run_of_cut_continues_after_its_last_epoch(tmp_path):
    (tmp_path / "run").mkdir()
    common = f"--dataroot none --gpu_ids -1 --checkpoints_dir {tmp_path} --name run --continue_train"
    (tmp_path / "run/train_opt.txt").write_text("   ngf: 8\n   epoch_count: 1\n")
    (tmp_path / "run/loss_log.txt").write_text(
        "== x ==\n(epoch: 6, iters: 100, time: 0.1) G: 1\n(epoch: 7, iters: 9) G: 1\n"
    )
    assert TrainOptions(common).parse().epoch_count == 7  # it ended within epoch 7
    (tmp_path / "run/7_net_G.pth").touch()
    assert TrainOptions(common).parse().epoch_count == 8
    assert TrainOptions(f"{common} --epoch 5").parse().epoch_count == 6
    assert TrainOptions(f"{common} --epoch_count 3").parse().epoch_count == 3


ODD = {
    "a list": [1, 2], "nothing": None, "a tensor": torch.ones(2), "numbers for names": {3: torch.ones(1)},
    "a training state": {"epoch": 3, "state_dict": {"model.1.weight": torch.ones(1)}},
    "words": {"model.1.weight": torch.ones(8, 3, 7, 7), "fc.weight": torch.ones(1)},
    "another rank": {"model.1.weight": torch.ones(8)},
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_checkpoint_that_is_something_else_is_refused_in_one_line(tmp_path, what):
    (tmp_path / "run").mkdir()
    torch.save(ODD[what], tmp_path / "run/latest_net_G.pth")
    with pytest.raises(UserError, match=r"latest_net_G\.pth (is not a state dict|does not fit netG)") as caught:
        run_of(tmp_path, SMALL).load_networks("latest")
    assert "\n" not in str(caught.value) and ("under state_dict" in str(caught.value)) == (what == "a training state")


def test_checkpoint_that_no_flag_builds_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    torch.save(define_G(1, 3, 4, "resnet_4blocks").state_dict(), tmp_path / "run/latest_net_G.pth")
    with pytest.raises(UserError, match="It was saved with --input_nc 1, which is not built here"):
        run_of(tmp_path, SMALL).load_networks("latest")


SHAPES = [
    "",
    "--netG resnet_6blocks --no_antialias --no_antialias_up",
    "--netG resnet_6blocks --normG batch --normD batch",
]


@pytest.mark.slow
@pytest.mark.parametrize("shapes", SHAPES)
def test_runs_go_both_ways(upstream, dataroot, tmp_path, shapes):
    """Trained in CUT, tested and continued here, tested in CUT: the same images."""
    run = f"--dataroot {dataroot} --name run --checkpoints_dir {tmp_path} --gpu_ids -1"
    flags = f"--ngf 8 --ndf 8 --netF_nc 16 --init_gain 1 {shapes} --crop_size 32 --load_size 32 --num_threads 0"
    training = f"train.py {run} {flags} --display_id -1 --save_epoch_freq 1 --n_epochs_decay 0"
    ours = Checkout(ROOT)

    def paint(checkout: Checkout) -> np.ndarray:
        folder = tmp_path / checkout.root.name
        given = flags if checkout is upstream else ""  # here they are restored from train_opt.txt
        checkout.run(f"test.py {run} {given} --eval --results_dir '{folder}'")
        files = sorted(folder.glob("run/test_latest/images/fake_B/*.png"))
        return np.stack([read(file).astype(int) for file in files])

    upstream.run(f"{training} --n_epochs 1")
    first = paint(ours)
    # On the CPU CUT writes the keys of DataParallel, which its own test.py refuses. It gets the file from us.
    model = run_of(tmp_path, "")
    model.load_networks("latest")
    model.save_networks("latest")
    assert len(first) == 4 and np.abs(first - paint(upstream)).max() <= 1  # CUT truncates, we round

    printed = ours.run(f"train.py {run} --continue_train --n_epochs 2 --epoch 1")
    assert "continuing at epoch 2 with the networks of epoch 1" in printed
    second = paint(ours)
    assert np.abs(first - second).max() > 1 and np.abs(second - paint(upstream)).max() <= 1

    # Continued in CUT once more: its networks are used, not the state we left.
    upstream.run(f"{training} --continue_train --epoch_count 3 --n_epochs 3")
    theirs = parameters(tmp_path)
    printed = ours.run(f"train.py {run} --continue_train --n_epochs 4 --lr 1e-9")
    assert "CUT trained this run after" in printed and "continuing at epoch 4" in printed
    assert all((one - other).abs().max() < 1e-6 for one, other in zip(theirs, parameters(tmp_path), strict=True))


def parameters(tmp_path: Path) -> list[torch.Tensor]:
    """The weights of tmp_path/run's latest generator."""
    model = run_of(tmp_path, "")
    model.load_networks("latest")
    return list(model.netG.parameters())


THEIRS = """
import json, sys, torch
from argparse import Namespace
from models import networks
folder = sys.argv[1]
for number, fact in enumerate(json.load(open(f"{folder}/facts.json"))["networks"]):
    kind, keywords = fact["kind"], dict(fact["keywords"])
    if kind == "F":
        continue
    make = {"G": lambda **k: networks.define_G(3, 3, 4, **k), "D": lambda **k: networks.define_D(3, 4, **k)}[kind]
    images = torch.load(f"{folder}/{number}_images.pt")
    for owner in ("ours", "theirs"):
        net = make(**keywords, init_type="xavier", init_gain=1.0).eval()
        if owner == "ours":
            net.load_state_dict(torch.load(f"{folder}/{number}_ours.pth"))
        else:
            torch.save(net.state_dict(), f"{folder}/{number}_theirs.pth")
        torch.save(net(images).detach(), f"{folder}/{number}_{owner}_output.pt")
"""


@pytest.mark.slow
def test_networks_compute_the_same_in_cut_from_files_of_either_side(upstream, tmp_path):
    """Every generator and discriminator: the same outputs to 1e-5."""
    facts = [fact for fact in FACTS["networks"] if fact["kind"] != "F"]
    (tmp_path / "facts.json").write_text(json.dumps({"networks": facts}))
    nets = [build(fact).float() for fact in facts]
    for number, (net, fact) in enumerate(zip(nets, facts, strict=True)):
        torch.save(net.state_dict(), tmp_path / f"{number}_ours.pth")
        torch.save(images(*fact["input"]).float(), tmp_path / f"{number}_images.pt")
    upstream.run(["-c", THEIRS, tmp_path])
    for number, (net, fact) in enumerate(zip(nets, facts, strict=True)):
        for owner in ("ours", "theirs"):
            net.load_state_dict(torch.load(tmp_path / f"{number}_{owner}.pth"))
            expected = torch.load(tmp_path / f"{number}_{owner}_output.pt")
            assert (net(images(*fact["input"]).float()) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())
