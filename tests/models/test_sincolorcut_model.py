"""SinColorCUT: a run from one style image to colors of other images."""

import re

import numpy as np
import pytest

from tests.helpers.build import same_checkpoints
from tests.helpers.images import make_dataroot, noise, read, save
from tests.helpers.launch import output_of

TINY = ("--model sincolorcut --gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --num_threads 0 "
        "--seed 1 --display_id -1")  # fmt: skip


@pytest.fixture
def content(tmp_path):
    make_dataroot(tmp_path, "content", images=[noise(40, 48, seed) for seed in range(3)])
    save(noise(90, 120, 9), tmp_path / "style.png")
    return tmp_path / "content"


@pytest.mark.slow
def test_sincolorcut_trains_continues_and_colors_any_image(content, tmp_path):
    run = f"--dataroot {content} --style {tmp_path / 'style.png'} --checkpoints_dir {tmp_path / 'ck'} {TINY}"
    printed = output_of(f"train.py {run} --load_size 40 --name whole --n_epochs 2 --max_dataset_size 20")
    assert "validation after epoch 2" in printed
    output_of(f"train.py {run} --load_size 40 --name parts --n_epochs 1 --max_dataset_size 20")
    again = f"train.py --checkpoints_dir {tmp_path / 'ck'} --name parts --continue_train --gpu_ids -1 --n_epochs 2"
    output_of(again)
    assert same_checkpoints(tmp_path / "ck/whole", tmp_path / "ck/parts")

    own = f"--checkpoints_dir {tmp_path / 'ck'} --name whole --gpu_ids -1"
    output_of(f"test.py --dataroot {content} {own} --results_dir {tmp_path / 'results'} --preprocess none")
    images = tmp_path / "results/whole/test_latest/images"
    painted = read(images / "fake_B/1.png")
    output_of(f"colorize.py {content / '1.png'} -o {tmp_path / 'one.png'} {own} --scale 0")
    colored = read(tmp_path / "one.png")
    assert painted.shape == colored.shape == (40, 48, 3)
    luma = np.array([0.299, 0.587, 0.114])
    assert abs(painted @ luma - read(content / "1.png") @ luma).max() < 2  # it keeps the luma
    pytest.importorskip("onnxscript", reason="onnxscript is not installed; scripts/install.sh export installs it")
    output_of(f"export.py --scale 0 -o {tmp_path / 'style.onnx'} {own.removesuffix('--gpu_ids -1')}")
    exported = f"--checkpoint {tmp_path / 'style.onnx'} --scale 0"
    output_of(f"colorize.py {content / '1.png'} -o {tmp_path / 'two.png'} {exported}")
    assert abs(read(tmp_path / "two.png").astype(int) - colored).max() <= 1


def test_train_says_when_more_training_does_not_help(content, tmp_path):
    """With a learning rate that changes nothing the first epoch stays the best."""
    run = f"--dataroot {content} --style {tmp_path / 'style.png'} --checkpoints_dir {tmp_path / 'ck'} {TINY}"
    printed = output_of(f"train.py {run} --name still --n_epochs 6 --max_dataset_size 4 --lr 1e-12 --ema 0 --fast")
    lines = re.findall(r"^(?:validation after epoch (\d)|no better colors .* since epoch (\d))", printed, re.MULTILINE)
    assert [first or f"since {second}" for first, second in lines] == ["1", "2", "3", "4", "since 1", "5", "6"]
