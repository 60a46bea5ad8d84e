"""Where an option's value comes from, and what is said of a bad one."""

import json

import pytest

from options.test_options import TestOptions
from options.train_options import TrainOptions
from util.errors import UserError

ROOT = "--dataroot x --gpu_ids -1"


def train(flags: str = ""):
    return TrainOptions(f"{ROOT} {flags}").parse()


def test_defaults_of_upstream():
    opt = train()
    assert (opt.model, opt.netG, opt.ngf, opt.lr, opt.n_epochs, opt.n_epochs_decay) == (
        "cut", "resnet_9blocks", 64, 2e-4, 200, 200)  # fmt: skip
    assert (opt.nce_idt, opt.lambda_NCE, opt.preprocess, opt.load_size) == (True, 1.0, "resize_and_crop", 286)


def test_colorcut_brings_its_own_defaults():
    opt = train("--model colorcut")
    assert (opt.dataset_mode, opt.lr_policy, opt.n_epochs, opt.n_epochs_decay) == (
        "grayscale_unaligned", "cosine", 30, 0)  # fmt: skip
    assert (opt.lambda_TV, opt.lambda_l1, opt.lambda_Var, opt.load_size) == (0.1, 5.0, 0.1, 256)
    assert train("--model colorcut --crop_size 64").load_size == 64


def test_the_schedule_of_colorcut_holds_in_both_modes():
    """As in a CUT checkout, where the model's hook comes after the mode's."""
    opt = train("--model colorcut --CUT_mode FastCUT")
    assert (opt.n_epochs, opt.n_epochs_decay, opt.lambda_NCE, opt.nce_idt) == (30, 0, 10.0, False)
    opt = train("--CUT_mode FastCUT --preset paper")
    assert (opt.n_epochs, opt.n_epochs_decay, opt.lr) == (30, 0, 5e-3)


@pytest.mark.parametrize("name", ["FastCUT", "fastcut"])
def test_a_preset_beats_the_default_and_a_flag_beats_the_preset(name):
    opt = train(f"--CUT_mode {name}")
    assert (opt.lambda_NCE, opt.nce_idt, opt.flip_equivariance, opt.n_epochs) == (10.0, False, True, 150)
    # Even a flag given with the value that is its default.
    opt = train(f"--lambda_NCE 1 --CUT_mode {name} --nce_idt true")
    assert (opt.lambda_NCE, opt.nce_idt, opt.flip_equivariance) == (1.0, True, True)


def test_the_preset_of_the_paper():
    opt = train("--model colorcut --preset paper")
    recipe = (opt.lr, opt.lr_policy, opt.n_epochs, opt.n_epochs_decay, opt.batch_size, opt.crop_size, opt.term_units)
    assert recipe == (5e-3, "cosine", 30, 0, 1, 256, "style") and opt.lambda_TV == 0.1
    assert train("--model colorcut --preset paper --lr 0.001").lr == 0.001


def test_the_program_s_own_arguments_do_not_leak_in(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--ngf", "7"])
    assert train().ngf == 64 and TrainOptions().argv == ["--ngf", "7"]


def test_the_printed_formula_needs_all_weights(pictures):
    from models import create_model

    opt = TrainOptions(f"--dataroot {pictures} --gpu_ids -1 --model colorcut --term_units paper --lambda_TV 1").parse()
    with pytest.raises(SystemExit, match="give --lambda_l1 --lambda_Var"):
        create_model(opt)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--lamda_TV 1 --model colorcut", ["--lamda_TV", "nearest is --lambda_TV"]),
        ("--netG resnet", ["--netG", "resnet", "resnet_6blocks"]),
        ("--ngf many", ["--ngf", "many", "int"]),
        ("--batch_size 0", ["--batch_size 0", "1 or more"]),
        ("--model cutt", ["--model cutt", "colorcut"]),
        ("--dataset_mode alined", ["--dataset_mode alined", "unaligned"]),
        ("--preprocess crop_and_zoom", ["--preprocess crop_and_zoom", "zoom", "scale_width"]),
        ("--gpu_ids 99", ["--gpu_ids 99", "-1"]),
        ("--gpu_ids one", ["--gpu_ids one", "0"]),
        ("--nce_idt maybe", ["--nce_idt", "maybe"]),
        ("--lr -1", ["--lr -1", "more than 0"]),
        ("--n_epochs 0 --n_epochs_decay 0", ["--n_epochs", "no epoch"]),
        ("stray", ["stray", "--name VALUE"]),
        ("--lambda_T 1 --model colorcut", ["--lambda_T"]),  # no abbreviations
    ],
)  # fmt: skip
def test_a_bad_value_is_one_line_with_the_cure(flags, words):
    with pytest.raises(UserError) as caught:
        train(flags)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words)


def test_a_missing_data_root_is_named():
    with pytest.raises(UserError, match="--dataroot is missing"):
        TrainOptions("--gpu_ids -1").parse()


@pytest.fixture
def record(tmp_path):
    """The record of a run with many flags unlike their defaults."""
    options = TrainOptions(
        f"{ROOT} --checkpoints_dir {tmp_path} --name run --model colorcut --direction BtoA --ngf 8 --normG batch "
        "--netG resnet_4blocks --nce_layers 0,4 --gray_range 0 4095 --no_antialias --crop_size 64 --lambda_TV 0.3"
    )
    opt = options.parse()
    options.save_options(opt)
    return tmp_path, opt


def test_a_test_restores_what_shapes_networks_and_pictures(record):
    folder, trained = record
    opt = TestOptions(f"{ROOT} --checkpoints_dir {folder} --name run").parse()
    for name in ("model", "dataset_mode", "direction", "ngf", "normG", "netG", "gray_range",
                 "no_antialias", "crop_size"):  # fmt: skip
        assert getattr(opt, name) == getattr(trained, name), name
    assert (opt.preprocess, opt.load_size, opt.batch_size, opt.no_flip) == ("none", 64, 1, True)
    opt = TestOptions(f"{ROOT} --checkpoints_dir {folder} --name run --direction AtoB --preprocess resize").parse()
    assert (opt.direction, opt.preprocess, opt.ngf) == ("AtoB", "resize", 8)


def test_continuing_restores_every_flag(record):
    folder, trained = record
    opt = TrainOptions(f"--checkpoints_dir {folder} --name run --continue_train --gpu_ids -1 --lr 0.1").parse()
    assert opt.lr == 0.1 and opt.lambda_TV == 0.3 and opt.seed == trained.seed and opt.dataroot == "x"


def test_a_run_that_was_moved_goes_on_where_it_lies(record):
    folder, _ = record
    (folder / "run").rename(folder / "moved")
    opt = TrainOptions(f"--checkpoints_dir {folder} --name moved --continue_train --gpu_ids -1").parse()
    assert (opt.name, opt.checkpoints_dir, opt.ngf) == ("moved", str(folder), 8)


def test_the_record_is_upstream_s_text_and_json(record):
    folder, opt = record
    text = (folder / "run/train_opt.txt").read_text()
    assert "                      ngf: 8                             \t[default: 64]" in text.splitlines()
    assert json.loads((folder / "run/train_opt.json").read_text())["nce_layers"] == opt.nce_layers


def test_a_damaged_record_is_named(record):
    folder, _ = record
    (folder / "run/train_opt.json").write_text("{")
    for content in ("{", "[]x", "[1]"):
        (folder / "run/train_opt.json").write_text(content)
        with pytest.raises(UserError, match=r"train_opt\.json is damaged"):
            TestOptions(f"{ROOT} --checkpoints_dir {folder} --name run").parse()


def test_suffix_names_the_run():
    assert train("--name a --suffix {netG}_{ngf}").name == "a_resnet_9blocks_64"


@pytest.mark.parametrize("given", [True, False])
def test_a_password_is_taken_and_kept_nowhere(given, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VISDOM_PASSWORD", "of the environment" if given else "geheim")
    words = ["--display_username", "anna", *["--display_password", "geheim"] * given]
    options = TrainOptions([*ROOT.split(), "--checkpoints_dir", str(tmp_path), "--name", "run", *words])
    opt = options.parse()
    assert (opt.display_username, opt.display_password) == ("anna", "geheim")
    options.save_options(opt)
    options.print_options(opt)
    told = capsys.readouterr().out + "".join(path.read_text() for path in (tmp_path / "run").iterdir())
    assert told.count("anna") == 3 and "geheim" not in told and "of the environment" not in told
    with pytest.raises(UserError, match=r"--display_server: .*--display_username"):
        train("--display_server http://anna:geheim@host")
