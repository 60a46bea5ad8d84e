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
from tests.helpers.build import same_weights
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


UNKNOWN = {"resnet": [], "unet": ["no_antialias", "no_antialias_up"], "basic": ["n_layers_D"], "n": [],
           "pixel": ["n_layers_D", "no_antialias"]}  # fmt: skip


@pytest.mark.parametrize("fact", [one for one in NETWORKS if "stylegan2" not in one.id])
def test_infer_flags_finds_the_flags_of_a_state_dict(fact):
    """All but those that do not show in a network of this family; in StyleGAN2's none shows by itself."""
    kind, expected, state = fact["kind"], dict(fact["keywords"]), build(fact).state_dict()
    if kind == "F":
        expected = {"netF": "mlp_sample", "netF_nc": 8} if state else {}
    else:
        family = expected[f"net{kind}"].split("_")[0]
        expected[f"norm{kind}"] = expected.pop("norm")
        expected |= {"ndf": 4} if kind == "D" else {"ngf": 4, "input_nc": 3, "output_nc": 3}
        expected |= {"no_dropout": True, "context": False} if family == "resnet" else {}
        expected = {flag: value for flag, value in expected.items() if flag not in UNKNOWN[family]}
    assert infer_flags(kind, state) == expected


def run_of(tmp_path: Path, flags: str, options: type = TrainOptions):
    """A model whose checkpoints lie in tmp_path/run."""
    (tmp_path / "run").mkdir(exist_ok=True)
    return create_model(
        options(f"--dataroot none --gpu_ids -1 --checkpoints_dir {tmp_path} --name run {flags}").parse()
    )


SMALL = "--ngf 4 --ndf 4 --netG resnet_4blocks --netF_nc 8"


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_checkpoint_of_dataparallel_and_of_old_instance_norms_loads(tmp_path, norm):
    model = run_of(tmp_path, f"{SMALL} --normG {norm}", TestOptions)
    state = fill(model.netG).float().state_dict()
    expected = model.netG(images(1, 3, 32, 32).float())
    old = {f"module.{key}": value for key, value in state.items()}
    if norm == "instance":
        for layer in ("model.2", "model.12.conv_block.2"):
            old[f"module.{layer}.running_mean"] = torch.zeros(4)
            old[f"module.{layer}.running_var"] = torch.ones(4)
            old[f"module.{layer}.num_batches_tracked"] = torch.tensor(7)
    torch.save(old, tmp_path / "run/latest_net_G.pth")
    model = run_of(tmp_path, f"{SMALL} --normG {norm}", TestOptions)
    model.load_networks("latest")
    model.eval()
    assert torch.equal(model.netG(images(1, 3, 32, 32).float()), expected)


OTHER = ["--ngf 8", "--netG resnet_6blocks", "--no_antialias", "--no_antialias_up", "--normG batch", "--ndf 8",
         "--normG none --no_dropout false", "--netD pixel", "--netD n_layers --n_layers_D 4", "--normD batch",
         "--netF_nc 16", "--ngf 8 --ndf 2 --netG resnet_9blocks --no_antialias"]  # fmt: skip


@pytest.mark.parametrize("flags", OTHER)
def test_checkpoint_that_does_not_fit_names_layers_and_flags_that_make_it_fit(tmp_path, flags):
    theirs = run_of(tmp_path, f"{SMALL} {flags}")
    theirs.save_networks("latest")
    needed = SMALL
    for _ in range(3):  # G, D and F may each have something to say
        try:
            ours = run_of(tmp_path, needed)
            ours.load_networks("latest")
            break
        except UserError as error:
            message = str(error)
            assert re.search(r"net_[GDF]\.pth does not fit net[GDF]: (mlp_0|model|net)\.\d", message)
            assert "\n" not in message and "It fits with these flags: --" in message
            needed += " " + message.split("these flags:")[1].replace(",", "")
    assert same_weights(ours, theirs)


def test_checkpoint_that_does_not_fit_names_a_switch_to_leave_out(tmp_path):
    theirs = run_of(tmp_path, SMALL)
    theirs.save_networks("latest")
    with pytest.raises(UserError, match=r"these flags: without --no_antialias$"):
        run_of(tmp_path, f"{SMALL} --no_antialias").load_networks("latest")
    with pytest.raises(UserError, match="No flag would make it fit"):
        run_of(tmp_path, f"{SMALL} --nce_layers 0,4").load_networks("latest")


@pytest.fixture
def record(tmp_path) -> Path:
    """train_opt.txt of a run of CUT that was moved here."""
    options = {
        "checkpoints_dir": "/home/me/runs", "direction": "BtoA", "gpu_ids": "0,1", "isTrain": True, "ngf": 8,
        "max_dataset_size": "inf", "name": "theirs", "no_antialias": True, "no_dropout": False, "suffix": "",
        "preprocess": "resize_and_crop", "stylegan2_G_num_downsampling": 1,
    }  # fmt: skip
    lines = [f"{name:>25}: {value!s:<30}\t[default: x]\n" for name, value in options.items()]
    text = ["----------------- Options ---------------\n", *lines, "----------------- End -------------------"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/train_opt.txt").write_text("".join(text))
    return tmp_path / "run/train_opt.txt"


def common(record: Path) -> str:
    return f"--dataroot none --gpu_ids -1 --checkpoints_dir {record.parents[1]} --name run"


def test_record_of_cut_is_restored(record):
    opt = TestOptions(common(record)).parse()
    assert (opt.direction, opt.ngf, opt.no_antialias, opt.no_dropout) == ("BtoA", 8, True, False)
    assert (opt.preprocess, opt.load_size, opt.name) == ("resize", 256, "run")
    assert opt.checkpoints_dir == str(record.parents[1])
    opt = TrainOptions(f"{common(record)} --continue_train --ngf 16").parse()
    assert (opt.ngf, opt.direction, opt.max_dataset_size, opt.name) == (16, "BtoA", float("inf"), "run")


def test_record_of_cut_with_a_value_that_is_not_available_is_refused(record):
    for value, words in {"netG: resnet_cat": " is not available here, only resnet_9blocks", "ngf: abc": "",
                         "model: template": "", "preprocess: fixsize": ""}.items():  # fmt: skip
        record.write_text(f"   {value}\t[default: x]")
        expected = rf"train_opt\.txt says --{value.replace(':', '')}{words}.*; a flag given on the command line wins"
        with pytest.raises(UserError, match=expected):
            TestOptions(common(record)).parse()
    assert TestOptions(f"{common(record)} --preprocess resize").parse().preprocess == "resize"


def test_record_of_cut_is_read_in_any_encoding_and_for_a_test_without_flags_of_training(record):
    record.write_bytes("   netD: stylegan2\n  display_id: 5\n   dataroot: C:/H\xfcte".encode("cp1252"))
    assert TestOptions(common(record)).parse().ngf == 64
    record.write_text("   gray_range: [0.0, 4095.0]\n   display_id: 5\n")
    assert TestOptions(common(record)).parse().gray_range == [0, 4095]
    assert TrainOptions(f"{common(record)} --continue_train").parse().display_id == 5


def test_run_of_cut_continues_after_its_last_epoch(record):
    def first_epoch(flags: str = "") -> int:
        return TrainOptions(f"{common(record)} --continue_train {flags}").parse().epoch_count

    record.write_text("   ngf: 8\n   epoch_count: 1\n")
    lines = ["== x ==", "(epoch: 6, iters: 100, time: 0.1) G: 1", "(epoch: 7, iters: 9) G: 1\n"]
    record.with_name("loss_log.txt").write_text("\n".join(lines))
    assert first_epoch() == 7  # it ended within epoch 7
    record.with_name("7_net_G.pth").touch()
    assert (first_epoch(), first_epoch("--epoch 5"), first_epoch("--epoch_count 3")) == (8, 6, 3)


ODD = {
    "a list": [1, 2], "nothing": None, "a tensor": torch.ones(2), "numbers for names": {3: torch.ones(1)},
    "a training state": {"epoch": 3, "state_dict": {"model.1.weight": torch.ones(1)}},
    "words": {"model.1.weight": torch.ones(8, 3, 7, 7), "fc.weight": torch.ones(1)},
    "another rank": {"model.1.weight": torch.ones(8)},
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_checkpoint_that_is_something_else_is_refused_in_one_line(tmp_path, what):
    model = run_of(tmp_path, SMALL, TestOptions)
    torch.save(ODD[what], tmp_path / "run/latest_net_G.pth")
    with pytest.raises(UserError, match=r"latest_net_G\.pth (is not a state dict|does not fit netG)") as caught:
        model.load_networks("latest")
    assert "\n" not in str(caught.value) and ("under state_dict" in str(caught.value)) == (what == "a training state")


def test_checkpoint_that_no_flag_builds_is_refused(tmp_path):
    model = run_of(tmp_path, SMALL, TestOptions)
    torch.save(define_G(1, 3, 4, "resnet_4blocks").state_dict(), tmp_path / "run/latest_net_G.pth")
    with pytest.raises(UserError, match="It was saved with --input_nc 1, which is not built here"):
        model.load_networks("latest")


SHAPES = ["", "--no_antialias --no_antialias_up", "--normG batch --normD batch"]


@pytest.mark.slow
@pytest.mark.parametrize("shapes", SHAPES)
def test_runs_go_both_ways(upstream, dataroot, tmp_path, shapes):
    """Trained in CUT, tested and continued here, tested in CUT: the same images."""
    run = f"--dataroot {dataroot} --name run --checkpoints_dir {tmp_path} --gpu_ids -1"
    size = "--netG resnet_6blocks --ngf 8 --ndf 8 --netF_nc 16 --crop_size 32 --load_size 32"
    flags = f"{size} {shapes} --init_gain 1 --num_threads 0"
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
    model = run_of(tmp_path, "", TestOptions)
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
    model = run_of(tmp_path, "", TestOptions)
    model.load_networks("latest")
    return list(model.netG.parameters())


THEIRS = """
import sys, torch
from models import networks
answers = []
for fact in torch.load(f"{sys.argv[1]}/ours.pt"):
    define, sizes = (networks.define_G, (3, 3, 4)) if fact["kind"] == "G" else (networks.define_D, (3, 4))
    net = define(*sizes, **fact["keywords"], init_type="xavier", init_gain=1.0).eval()
    theirs, outputs = {key: value.clone() for key, value in net.state_dict().items()}, []
    for state in (fact["state"], theirs):
        net.load_state_dict(state)
        outputs.append(net(fact["images"]).detach())
    answers.append((theirs, outputs))
torch.save(answers, f"{sys.argv[1]}/theirs.pt")
"""


@pytest.mark.slow
def test_networks_compute_the_same_in_cut_from_files_of_either_side(upstream, tmp_path):
    """Every generator and discriminator: the same outputs to 1e-5."""
    facts = [fact for fact in FACTS["networks"] if fact["kind"] != "F"]
    nets, batches = zip(*((build(fact).float(), images(*fact["input"]).float()) for fact in facts), strict=True)
    ours = [{**f, "state": net.state_dict(), "images": x} for f, net, x in zip(facts, nets, batches, strict=True)]
    torch.save(ours, tmp_path / "ours.pt")
    upstream.run(["-c", THEIRS, tmp_path])
    for net, batch, (theirs, outputs) in zip(nets, batches, torch.load(tmp_path / "theirs.pt"), strict=True):
        for state, expected in zip((net.state_dict(), theirs), outputs, strict=True):
            net.load_state_dict(state)
            assert (net(batch) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())
