"""Checkpoints go both ways between upstream and here, and one that does not fit says what would make it fit."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models import create_model
from models.networks import define_D, define_F, define_G
from models.networks.infer_flags import flags_of
from options.test_options import TestOptions
from options.train_options import TrainOptions
from tests.upstream.seeded import fill, pictures, summary
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
def test_networks_have_upstream_s_keys_and_shapes_and_answers(fact):
    net = build(fact)
    keys = {f"{key}:{'x'.join(map(str, value.shape))}" for key, value in net.state_dict().items()}
    assert keys == set(fact["keys"].split())
    if fact["kind"] == "F":
        features = [pictures(*shape) for shape in fact["input"]]
        places = [torch.arange(0, feature.shape[2] * feature.shape[3], 5) for feature in features]
        answers = [summary(layer) for layer in net(features, places)]
    else:
        answers = summary(net(pictures(*fact["input"])))
    assert np.allclose(answers, fact["output"], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("fact", NETWORKS)
def test_flags_are_told_from_a_state_dict(fact):
    state, keywords = build(fact).state_dict(), dict(fact["keywords"])
    if fact["kind"] == "F":
        assert flags_of("F", state) == ({"netF": "mlp_sample", "netF_nc": 8} if state else {})
        return
    norm = keywords.pop("norm")
    told = flags_of(fact["kind"], state)
    if fact["kind"] == "G":
        expected = {**keywords, "normG": norm, "ngf": 4, "input_nc": 3, "output_nc": 3}
        if keywords["netG"].startswith("unet"):
            expected = {k: v for k, v in expected.items() if not k.startswith("no_anti")}
        else:
            expected["no_dropout"] = True
    else:
        expected = {**keywords, "normD": norm, "ndf": 4}
        left_out = {"basic": ["n_layers_D"], "n_layers": [], "pixel": ["n_layers_D", "no_antialias"]}
        expected = {k: v for k, v in expected.items() if k not in left_out[keywords["netD"]]}
    assert told == expected


def run_of(tmp_path: Path, flags: str, train: bool = False):
    """A model whose checkpoints lie in tmp_path/run."""
    common = f"--dataroot none --gpu_ids -1 --checkpoints_dir {tmp_path} --name run"
    opt = (TrainOptions if train else TestOptions)([*common.split(), *flags.split()]).parse()
    return create_model(opt)


SMALL = "--ngf 4 --ndf 4 --netG resnet_4blocks --netF_nc 8"


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_files_of_dataparallel_and_of_old_instance_norms_load(tmp_path, norm):
    model = run_of(tmp_path, f"{SMALL} --normG {norm}")
    state = fill(model.netG).float().state_dict()
    expected = model.netG(pictures(1, 3, 32, 32).float())
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
    assert torch.equal(model.netG(pictures(1, 3, 32, 32).float()), expected)


@pytest.mark.parametrize("flags", ["--ngf 8", "--netG resnet_6blocks", "--no_antialias", "--no_antialias_up",
                                   "--normG batch", "--normG none --no_dropout false", "--ndf 8", "--netD pixel",
                                   "--netD n_layers --n_layers_D 4", "--normD batch", "--netF_nc 16",
                                   "--ngf 8 --ndf 2 --netG resnet_9blocks --no_antialias"])  # fmt: skip
def test_a_misfit_says_which_layers_differ_and_its_flags_make_it_fit(tmp_path, flags):
    theirs = run_of(tmp_path, f"{SMALL} {flags}", train=True)
    (tmp_path / "run").mkdir()
    theirs.save_networks("latest")
    cures = SMALL
    for _ in range(3):  # G, D and F may each have something to say
        try:
            ours = run_of(tmp_path, cures, train=True)
            ours.load_networks("latest")
            break
        except UserError as error:
            said = str(error)
            assert re.search(r"net_[GDF]\.pth does not fit net[GDF]: (mlp_0|model|net)\.\d", said)
            assert "\n" not in said and "It fits with these flags: --" in said
            cures += " " + said.split("these flags:")[1].replace(",", "")
    for name, net in theirs.networks().items():
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), ours.networks()[name].parameters(), strict=True))


def test_a_misfit_names_a_switch_to_leave_out(tmp_path):
    theirs = run_of(tmp_path, SMALL, train=True)
    (tmp_path / "run").mkdir()
    theirs.save_networks("latest")
    with pytest.raises(UserError, match=r"these flags: without --no_antialias$"):
        run_of(tmp_path, f"{SMALL} --no_antialias", train=True).load_networks("latest")
    with pytest.raises(UserError, match="No flag is seen to cure that"):
        run_of(tmp_path, f"{SMALL} --nce_layers 0,4", train=True).load_networks("latest")


def test_upstream_s_own_record_is_restored(tmp_path):
    """train_opt.txt as upstream writes it, of a run of theirs that was moved here."""
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
    for said, expected in {"netG: stylegan2": "--netG stylegan2 is not built here, only resnet_9blocks",
                           "ngf: abc": "--ngf abc", "model: sincut": "--model sincut",
                           "preprocess: zoom_and_patch": "--preprocess zoom_and_patch"}.items():  # fmt: skip
        (tmp_path / "run/train_opt.txt").write_text(f"   {said}\t[default: x]")
        with pytest.raises(UserError, match=rf"run/train_opt\.txt says {expected}.*; a flag given here wins"):
            TestOptions(common).parse()
    assert TestOptions(f"{common} --preprocess resize").parse().preprocess == "resize"
    # What only training needs is nothing to a test; nor is the encoding of another system.
    (tmp_path / "run/train_opt.txt").write_bytes(
        "   netD: stylegan2\n  display_id: 5\n   dataroot: C:/H\xfcte".encode("cp1252")
    )
    assert TestOptions(common).parse().ngf == 64
    (tmp_path / "run/train_opt.txt").write_text("   gray_range: [0.0, 4095.0]\n   display_id: 5\n")
    assert TestOptions(common).parse().gray_range == [0, 4095]
    assert TrainOptions(f"{common} --continue_train").parse().display_id == 5


def test_a_run_of_upstream_s_goes_on_after_its_last_epoch(tmp_path):
    (tmp_path / "run").mkdir()
    common = f"--dataroot none --gpu_ids -1 --checkpoints_dir {tmp_path} --name run --continue_train"
    (tmp_path / "run/train_opt.txt").write_text("   ngf: 8\n   epoch_count: 1\n")
    (tmp_path / "run/loss_log.txt").write_text(
        "== x ==\n(epoch: 6, iters: 100, time: 0.1) G: 1\n(epoch: 7, iters: 9) G: 1\n"
    )
    assert TrainOptions(common).parse().epoch_count == 7  # cut off in epoch 7
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
def test_a_file_that_holds_something_else_is_one_line(tmp_path, what):
    (tmp_path / "run").mkdir()
    torch.save(ODD[what], tmp_path / "run/latest_net_G.pth")
    with pytest.raises(UserError, match=r"latest_net_G\.pth (holds no state dict|does not fit netG)") as caught:
        run_of(tmp_path, SMALL).load_networks("latest")
    assert "\n" not in str(caught.value) and ("under state_dict" in str(caught.value)) == (what == "a training state")


def test_what_no_flag_builds_is_said(tmp_path):
    (tmp_path / "run").mkdir()
    for net, words in ((define_G(1, 3, 4, "resnet_4blocks"), "--input_nc 1"),):
        torch.save(net.state_dict(), tmp_path / "run/latest_net_G.pth")
        with pytest.raises(UserError, match=f"It was saved with {words}, which is not built here"):
            run_of(tmp_path, SMALL).load_networks("latest")


@pytest.mark.parametrize("flags", ["", "--netG resnet_6blocks --no_antialias --no_antialias_up",
                                   "--netG resnet_6blocks --normG batch --normD batch"])  # fmt: skip
def test_runs_go_both_ways(upstream, pictures, tmp_path, flags):
    """Trained upstream, painted and trained on here, painted upstream: the same pictures."""
    flags = f"--ngf 8 --ndf 8 --netF_nc 16 --init_gain 1 {flags} --crop_size 32 --load_size 32 --num_threads 0".split()
    root = ["--dataroot", pictures, "--name", "run", "--checkpoints_dir", tmp_path, "--gpu_ids", -1]
    upstream.run("train.py", *root, *flags, "--display_id", -1, "--n_epochs", 1, "--n_epochs_decay", 0,
                 "--save_epoch_freq", 1)  # fmt: skip
    here = Path(__file__).parents[2]
    ours = type(upstream)(here)

    def paint(where) -> np.ndarray:
        folder = tmp_path / where.root.name
        shapes = flags if where is upstream else []  # restored here from upstream's train_opt.txt
        where.run("test.py", *root, *shapes, "--eval", "--results_dir", folder)
        files = sorted(folder.glob("run/test_latest/images/fake_B/*.png"))
        return np.stack([np.asarray(Image.open(file)).astype(int) for file in files])

    first = paint(ours)
    # On the CPU upstream writes DataParallel's keys, which its own test.py refuses: it gets the file from us.
    model = run_of(tmp_path, "")
    model.load_networks("latest")
    model.save_networks("latest")
    assert len(first) == 4 and np.abs(first - paint(upstream)).max() <= 1  # upstream truncates, we round

    said = ours.run("train.py", *root, "--continue_train", "--n_epochs", 2, "--epoch", 1)
    assert "from the networks of epoch 1 alone" in said
    assert "continuing at epoch 2" in said
    second = paint(ours)
    assert np.abs(first - second).max() > 1 and np.abs(second - paint(upstream)).max() <= 1

    # Trained on in CUT once more: what it did counts, not the state we left.
    upstream.run("train.py", *root, *flags, "--display_id", -1, "--continue_train", "--epoch_count", 3, "--n_epochs", 3,
                 "--n_epochs_decay", 0, "--save_epoch_freq", 1)  # fmt: skip
    theirs = parameters(tmp_path)
    said = ours.run("train.py", *root, "--continue_train", "--n_epochs", 4, "--lr", 1e-9)
    assert "trained in CUT since" in said and "continuing at epoch 4" in said
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
    pictures = torch.load(f"{folder}/{number}_pictures.pt")
    for owner in ("ours", "theirs"):
        net = make(**keywords, init_type="xavier", init_gain=1.0).eval()
        if owner == "ours":
            net.load_state_dict(torch.load(f"{folder}/{number}_ours.pth"))
        else:
            torch.save(net.state_dict(), f"{folder}/{number}_theirs.pth")
        torch.save(net(pictures).detach(), f"{folder}/{number}_{owner}_answer.pt")
"""


def test_float32_answers_are_upstream_s(upstream, tmp_path):
    """Files of either side loaded on the other: every generator and discriminator, the same answers to 1e-5."""
    facts = [fact for fact in FACTS["networks"] if fact["kind"] != "F"]
    (tmp_path / "facts.json").write_text(json.dumps({"networks": facts}))
    nets = [build(fact).float() for fact in facts]
    for number, (net, fact) in enumerate(zip(nets, facts, strict=True)):
        torch.save(net.state_dict(), tmp_path / f"{number}_ours.pth")
        torch.save(pictures(*fact["input"]).float(), tmp_path / f"{number}_pictures.pt")
    upstream.run("-c", THEIRS, tmp_path)
    for number, (net, fact) in enumerate(zip(nets, facts, strict=True)):
        for owner in ("ours", "theirs"):
            net.load_state_dict(torch.load(tmp_path / f"{number}_{owner}.pth"))
            expected = torch.load(tmp_path / f"{number}_{owner}_answer.pt")
            assert (net(pictures(*fact["input"]).float()) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())
