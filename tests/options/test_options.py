"""Where the value of an option comes from, and the messages for a wrong one."""

import json

import pytest

from options.test_options import TestOptions
from options.train_options import TrainOptions
from util.errors import UsageError, UserError

ROOT = "--dataroot x --gpu_ids -1"


def train(flags: str = ""):
    return TrainOptions(f"{ROOT} {flags}").parse()


def test_options_have_the_defaults_of_cut():
    opt = train()
    assert (opt.model, opt.netG, opt.ngf, opt.lr) == ("cut", "resnet_9blocks", 64, 2e-4)
    assert (opt.n_epochs, opt.n_epochs_decay) == (200, 200)
    assert (opt.nce_idt, opt.lambda_NCE, opt.preprocess, opt.load_size) == (True, 1.0, "resize_and_crop", 286)


def test_options_have_the_defaults_of_colorcut():
    opt = train("--model colorcut")
    assert (opt.dataset_mode, opt.lr_policy) == ("grayscale_unaligned", "cosine")
    assert (opt.n_epochs, opt.n_epochs_decay) == (30, 0)
    assert (opt.lambda_TV, opt.lambda_l1, opt.lambda_Var, opt.load_size) == (0.1, 5.0, 0.1, 256)
    assert train("--model colorcut --crop_size 64").load_size == 64


def test_options_have_the_schedule_of_colorcut_in_both_modes():
    """As in a CUT checkout, where the defaults of the model come after those of the mode."""
    opt = train("--model colorcut --CUT_mode FastCUT")
    assert (opt.n_epochs, opt.n_epochs_decay, opt.lambda_NCE, opt.nce_idt) == (30, 0, 10.0, False)
    opt = train("--CUT_mode FastCUT --preset paper")
    assert (opt.n_epochs, opt.n_epochs_decay, opt.lr) == (30, 0, 5e-3)


@pytest.mark.parametrize("name", ["FastCUT", "fastcut"])
def test_options_prefer_a_flag_to_a_preset_and_a_preset_to_a_default(name):
    opt = train(f"--CUT_mode {name}")
    assert (opt.lambda_NCE, opt.nce_idt, opt.flip_equivariance, opt.n_epochs) == (10.0, False, True, 150)
    # Even a flag given with the value that is its default.
    opt = train(f"--lambda_NCE 1 --CUT_mode {name} --nce_idt true")
    assert (opt.lambda_NCE, opt.nce_idt, opt.flip_equivariance) == (1.0, True, True)


def test_options_of_the_preset_paper_are_its_recipe():
    opt = train("--model colorcut --preset paper")
    recipe = (opt.lr, opt.lr_policy, opt.n_epochs, opt.n_epochs_decay, opt.batch_size, opt.crop_size, opt.term_units)
    assert recipe == (5e-3, "cosine", 30, 0, 1, 256, "style") and opt.lambda_TV == 0.1
    assert train("--model colorcut --preset paper --lr 0.001").lr == 0.001


def test_options_from_text_ignore_the_arguments_of_the_program(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--ngf", "7"])
    assert train().ngf == 64 and TrainOptions().argv == ["--ngf", "7"]


MISTAKES = {  # flags: what the message must say
    "--lamda_TV 1 --model colorcut": "--lamda_TV|nearest is --lambda_TV", "--ngf many": "--ngf|many|int",
    "--netG resnet": "--netG|resnet|resnet_6blocks", "--batch_size 0": "--batch_size 0|1 to 100000",
    "--dataset_mode alined": "--dataset_mode alined|unaligned", "--gpu_ids 99": "--gpu_ids 99|-1",
    "--preprocess crop_and_blur": "--preprocess crop_and_blur|blur|scale_width", "--gpu_ids one": "--gpu_ids one|0",
    "--nce_idt maybe": "--nce_idt|maybe", "--lr -1": "--lr -1.0|1e-12 to 1e+30", "stray": "stray|--name VALUE",
    "--n_epochs 0 --n_epochs_decay 0": "--n_epochs|1 or more", "--lambda_T 1 --model colorcut": "--lambda_T",
    "--model cutt": "--model cutt|colorcut",
    "--name ..": "--name '..'|stays in its folder", "--name a/../../b": "--name", "--name /abs": "--name '/abs'",
    "--name .": "--name '.'", "--suffix ../../x": "--suffix|stays in its folder", "--suffix {dataroot}/..": "--suffix",
    "--epoch ../x": "--epoch '../x'", "--pretrained_name ../x": "--pretrained_name '../x'",
}  # fmt: skip


@pytest.mark.parametrize(("flags", "words"), MISTAKES.items())
def test_options_refuse_a_mistake_in_one_line_with_the_remedy(flags, words):
    with pytest.raises(UsageError) as caught:
        train(flags)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words.split("|"))


@pytest.mark.parametrize("flag", ["--name", "--epoch", "--pretrained_name"])
@pytest.mark.parametrize("value", ["", "  "])
def test_options_refuse_an_empty_name(flag, value):
    with pytest.raises(UsageError, match=f"{flag} '{value}': expected a name"):
        TrainOptions([*ROOT.split(), flag, value]).parse()


def test_options_take_a_name_with_a_folder():
    assert train("--name photos/cats --suffix {ngf}").name == "photos/cats_64"


def test_options_of_the_best_presets():
    best, small = train("--model colorcut --preset best"), train("--model colorcut --preset best_small --lambda_l1 3")
    for opt in (best, small):
        assert (opt.keep_luma, opt.context, opt.gan_on, opt.normG) == (True, True, "both", "layer")
        assert (opt.lambda_range, opt.gan_chroma) == (10, opt is best)
        assert (opt.lr_policy, opt.n_epochs_decay, opt.lambda_TV) == ("cosine", 0, 0.1)
    assert best.lambda_l1 > train("--model colorcut --preset paper").lambda_l1 == 5
    assert (best.crop_size, best.ngf, best.netG, best.n_epochs) == (256, 64, "resnet_9blocks", 30)
    assert (small.crop_size, small.load_size, small.ngf, small.n_epochs, small.lambda_l1) == (64, 80, 16, 7, 3)
    off = train("--model colorcut --preset best --keep_luma false --context false")
    assert (off.keep_luma, off.context, off.gan_on) == (False, False, "both")
    with pytest.raises(UsageError, match="--preset best is not for --model cut: it has no --gan_chroma, --gan_on"):
        train("--preset best")


def test_options_ask_for_a_data_root():
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
    options.record(opt).write()
    return tmp_path, opt


def test_options_of_a_test_restore_what_defines_networks_and_images(record):
    folder, trained = record
    opt = TestOptions(f"{ROOT} --checkpoints_dir {folder} --name run").parse()
    names = ["model", "dataset_mode", "direction", "ngf", "normG", "netG", "gray_range", "no_antialias", "crop_size"]
    for name in names:
        assert getattr(opt, name) == getattr(trained, name), name
    expected = ("rescale_shortside", trained.load_size, 1, True)
    assert (opt.preprocess, opt.load_size, opt.batch_size, opt.no_flip) == expected
    opt = TestOptions(f"{ROOT} --checkpoints_dir {folder} --name run --direction AtoB --preprocess resize").parse()
    assert (opt.direction, opt.preprocess, opt.load_size, opt.ngf) == ("AtoB", "resize", 64, 8)


def test_options_of_a_continued_run_restore_every_flag(record):
    folder, trained = record
    opt = TrainOptions(f"--checkpoints_dir {folder} --name run --continue_train --gpu_ids -1 --lr 0.1").parse()
    assert opt.lr == 0.1 and opt.lambda_TV == 0.3 and opt.seed == trained.seed and opt.dataroot == "x"


def test_preset_of_a_continued_run_adds_nothing_to_its_record(tmp_path):
    """A preset can gain values; the run has trained without them."""
    run = f"--checkpoints_dir {tmp_path} --name run --gpu_ids -1"
    options = TrainOptions(f"{run} --dataroot x --model colorcut --preset best")
    options.record(options.parse()).write()
    path = tmp_path / "run/train_opt.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "gan_chroma"}))
    continued = TrainOptions(f"{run} --continue_train").parse()
    assert (continued.preset, continued.gan_on, continued.gan_chroma) == ("best", "both", False)
    assert TrainOptions(f"{run} --continue_train --preset best").parse().gan_chroma


def test_options_of_a_moved_run_name_its_new_place(record):
    folder, _ = record
    (folder / "run").rename(folder / "moved")
    opt = TrainOptions(f"--checkpoints_dir {folder} --name moved --continue_train --gpu_ids -1").parse()
    assert (opt.name, opt.checkpoints_dir, opt.ngf) == ("moved", str(folder), 8)


def test_record_is_text_as_in_cut_and_json(record):
    folder, opt = record
    text = (folder / "run/train_opt.txt").read_text()
    assert "                      ngf: 8                             \t[default: 64]" in text.splitlines()
    assert json.loads((folder / "run/train_opt.json").read_text())["nce_layers"] == opt.nce_layers


def test_record_that_is_damaged_is_named(record):
    folder, _ = record
    (folder / "run/train_opt.json").write_text("{")
    for content in ("{", "[]x", "[1]"):
        (folder / "run/train_opt.json").write_text(content)
        with pytest.raises(UserError, match=r"train_opt\.json is damaged"):
            TestOptions(f"{ROOT} --checkpoints_dir {folder} --name run").parse()


def test_options_add_the_suffix_to_the_name():
    assert train("--name a --suffix {netG}_{ngf}").name == "a_resnet_9blocks_64"


@pytest.mark.parametrize("given", [True, False])
def test_options_never_print_or_record_the_password(given, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VISDOM_PASSWORD", "of the environment" if given else "secret")
    words = ["--display_username", "anna", *["--display_password", "secret"] * given]
    options = TrainOptions([*ROOT.split(), "--checkpoints_dir", str(tmp_path), "--name", "run", *words])
    opt = options.parse()
    assert (opt.display_username, opt.display_password) == ("anna", "secret")
    options.record(opt).write()
    options.print_options(opt)
    printed = capsys.readouterr().out + "".join(path.read_text() for path in (tmp_path / "run").iterdir())
    assert printed.count("anna") == 3 and "secret" not in printed and "of the environment" not in printed
    with pytest.raises(UserError, match=r"--display_server: .*--display_username"):
        train("--display_server http://anna:secret@host")
