"""Values of flags that cannot be: one line that names the flag, exit code 2, and no file written.

The programs run in this process: they end before they begin.
"""

import shlex

import pytest

from tests.faults.case import EVALUATE, NEW, TEST, snapshot
from tests.helpers.launch import error_of

WRONG = {  # flag: values
    "crop_size": "100000 0 -1 23 1e3 nan", "load_size": "1000000 -1 x", "lr": "nan inf -inf -1 0 1e31",
    "beta1": "nan 1 2 -1 inf", "beta2": "1 -0.5 nan", "num_patches": "0 -1 2.5", "netF_nc": "0 -1 1000000",
    "init_gain": "nan inf 0 -1", "seed": "1180591620717411303424 -1 1.5", "epoch_count": "0 -5 1000 x",
    "lambda_TV": "nan inf -1 1e30", "lambda_l1": "nan inf -1", "lambda_Var": "nan inf -5", "lambda_GAN": "nan -1 inf",
    "lambda_NCE": "nan inf -1", "tv_beta": "nan inf 0 -2", "nce_T": "0 nan -1 inf", "max_dataset_size": "0 -1 x",
    "gpu_ids": "-2 9 0,1 x", "gray_range": "'nan 1' '0 inf' '5 5' '9 1'", "pool_size": "-1", "lambda_gp": "nan -1",
    "save_latest_freq": "-1 x", "save_epoch_freq": "-1 0.5", "print_freq": "-5 x", "update_html_freq": "-1",
    "display_freq": "-1", "epoch": "99 banana ../x '' /abs", "pretrained_name": "'' ../../etc /etc",
    "display_winsize": "0 -5 1000000", "display_ncols": "-2", "display_port": "99999999 -1 0 x",
    "suffix": "../../x {nope} {lr:>300} {0} {lr.x} {lr!x} a/b {", "name": "'' . .. ../escaped ../../escaped2 '  ' /abs",
    "ngf": "0 -1 100000 x", "ndf": "0 100000", "n_layers_D": "-1 0 20", "batch_size": "0 -1 1000000",
    "num_threads": "-1 100000", "accumulate": "0 -1", "ema": "1 -1 nan", "val_freq": "-1", "keep_states": "0 -1 x",
    "time_limit": "-1 nan 1:99:00 1:00 soon inf", "on_nan": "ignore", "on_bad_image": "ignore",
    "max_megapixels": "0 -1 nan", "n_epochs": "-1 x", "n_epochs_decay": "-1 nan", "lr_decay_iters": "0 -1",
    "lr_policy": "none", "netG": "resnet_99blocks", "netD": "none", "normG": "none_such", "init_type": "none",
    "model": "none ../cut", "dataset_mode": "none ../x", "direction": "AtoC", "preprocess": "shrink crop_and_ ''",
    "gan_mode": "none", "nce_layers": "99 x 4,0 -99", "input_nc": "1 4", "output_nc": "1", "keep_luma": "maybe",
    "term_units": "feet", "gan_on": "none", "display_id": "x -2", "cache": "maybe", "preset": "none",
}  # fmt: skip
COMBINATIONS = {  # flags: what the line says
    "--netD n_layers --n_layers_D 6 --crop_size 32": "--crop_size 32",
    "--lr_policy step --lr_decay_iters 0": "--lr_decay_iters 0", "--n_epochs 0": "--n_epochs and --n_epochs_decay",
    "--continue_train --overwrite": "--overwrite", "--lr": "--lr", "--nme x": "--name",
    "--crop_size 64 --load_size 32": "--load_size", "--netG unet_256": "unet_256", "--val_freq 1 --dataset_mode x": "x",
    "stray": "stray", "--no_html 3": "3", "--batch_size 5": "--batch_size 5",
}  # fmt: skip
BASELINES = {  # flags: what the line says
    "--model cycle_gan --lambda_A -1": "--lambda_A -1", "--model cycle_gan --lambda_identity inf": "--lambda_identity",
    "--model cycle_gan --pool_size -1": "--pool_size -1", "--model cycle_gan --num_patches 3": "--num_patches",
    "--model pix2pix --lambda_L1 nan": "--lambda_L1 nan", "--model pix2pix --lambda_gp -1": "--lambda_gp -1",
    "--model pix2pix --dataset_mode colorization --netG unet_256": "multiple of 256",
    "--model cut --lambda_TV 1": "--lambda_TV",
    "--model cut --netG unet_256": "unet_256", "--model test": "test.py",
}  # fmt: skip
OF_TEST = {"num_test": "0 -1 x", "epoch": "../x ''", "name": "'' .. ../x /abs", "gpu_ids": "-2",
           "load_size": "-1 30000 x", "crop_size": "0 100000", "max_megapixels": "0 nan"}  # fmt: skip
OF_EVALUATE = {"num_test": "0 -1", "draws": "-1 x", "gpu_ids": "-2", "epoch": "../x"}
LACK_OF_MEMORY = [
    "--ngf 4096",
    "--ndf 4096 --ngf 512 --crop_size 20000 --load_size 20000",
    "--netF_nc 65536 --ngf 4096",
]


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch) -> None:
    """Run in the folder with the trained run."""
    monkeypatch.chdir(folder)


def values_of(table: dict[str, str]) -> list[tuple[str, str]]:
    """Return each flag with each of its values, in a form that a shell would split into words."""
    return [(flag, value) for flag, values in table.items() for value in shlex.split(values) or [""]]


@pytest.mark.parametrize(("flag", "value"), values_of(WRONG))
def test_train_names_the_flag_and_writes_nothing(folder, flag, value):
    before = snapshot(folder)
    words = f"--{flag} {value}" if flag == "gray_range" else f"'--{flag}={value}'"
    assert flag in error_of(f"{NEW} {words}", 2) and snapshot(folder) == before
    assert not (folder.parent / "escaped").exists()


@pytest.mark.parametrize(("flags", "words"), COMBINATIONS.items())
def test_train_names_flags_that_do_not_go_together(folder, flags, words):
    before = snapshot(folder)
    assert words in error_of(f"{NEW} {flags}", 2) and snapshot(folder) == before


@pytest.mark.parametrize(("flags", "words"), BASELINES.items())
def test_train_names_flags_of_the_other_models(folder, flags, words):
    before = snapshot(folder)
    common = "train.py --dataroot set --checkpoints_dir ck --name new --gpu_ids -1 --ngf 4 --ndf 4 --crop_size 32"
    assert words in error_of(f"{common} --load_size 32 {flags}", 2) and snapshot(folder) == before


@pytest.mark.parametrize(("flag", "value"), values_of(OF_TEST))
def test_test_names_the_flag_and_writes_nothing(folder, flag, value):
    before = snapshot(folder)
    assert flag in error_of(f"{TEST} '--{flag}={value}'", 2) and snapshot(folder) == before


@pytest.mark.parametrize(("flag", "value"), values_of(OF_EVALUATE))
def test_evaluate_names_the_flag_and_writes_nothing(folder, flag, value):
    before = snapshot(folder)
    assert flag in error_of(f"{EVALUATE} '--{flag}={value}'", 2) and snapshot(folder) == before


@pytest.mark.parametrize("flags", LACK_OF_MEMORY)
def test_train_says_what_does_not_fit_before_it_tries(folder, flags):
    before = snapshot(folder)
    assert "GB are free" in error_of(f"{NEW} {flags}", 1) and snapshot(folder) == before
