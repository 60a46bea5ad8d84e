"""The scripts of the figures, run in a copy of the tree: numbers, which picture is where, pages, picks, mistakes."""

import csv
import importlib
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from skimage.io import imread

from models import create_model
from options.train_options import TrainOptions
from util.util import save_image

ROOT = Path(__file__).parents[2]
TINY = [
    "--ngf",
    "4",
    "--ndf",
    "4",
    "--netG",
    "resnet_4blocks",
    "--crop_size",
    "32",
    "--load_size",
    "32",
    "--gpu_ids",
    "-1",
]
TINY_CUT = [*TINY, *["--netF_nc", "8", "--num_patches", "16", "--nce_layers", "0,4,8,12"]]
ROWS = ["cut", "cut_tv", "cut_tv_l1", "colorcut", "fastcut", "cyclegan", "pix2pix"]
GAP = 4


@pytest.fixture
def photographs(pictures) -> Path:
    """The data root of `pictures`, with names that are no numbers."""
    for folder, name in {"testA": "photo", "testB": "painting"}.items():
        for path in (pictures / folder).iterdir():
            path.rename(path.with_name(f"{name}_{path.name}"))
    return pictures


def run(tree: Path, *command, interpreter: str = f'exec "{sys.executable}" "$@"', **environment):
    """Run a command in the copy, with `interpreter` as the body of the shell script that stands for python there."""
    python = tree / "environment/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/usr/bin/env bash\n{interpreter}\n")
    python.chmod(0o755)
    environment = {**os.environ, "VIRTUAL_ENV": str(tree / "environment"), **environment}
    return subprocess.run(list(map(str, command)), cwd=tree, env=environment, capture_output=True, text=True)


def untrained_run(tree: Path, pictures: Path, row: str, flags: list[str]) -> None:
    """Leave what a finished training of the row would, with weights as they are drawn."""
    own = run(tree, f"scripts/{row}.sh", pictures, PRINT_FLAGS="1").stdout.split()
    place = ["--checkpoints_dir", str(tree / "checkpoints"), "--name", f"set_{row}", "--dataroot", str(pictures)]
    options = TrainOptions([*place, *own, *flags, "--init_gain", "1", "--seed", "1"])
    opt = options.parse()
    options.save_options(opt)
    create_model(opt).save_networks("latest")


def square(path: Path) -> np.ndarray:
    """Return the middle 40x40 pixels of a picture (40, 48, 3)."""
    return imread(path)[:, 4:44]


def cell(figure: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return a picture of a figure whose pictures are 40x40; row and column count from the bottom right, from 1."""
    bottom, right = (
        size - (number - 1) * (40 + GAP) for size, number in zip(figure.shape, (row, column), strict=False)
    )
    return figure[bottom - 40 : bottom, right - 40 : right]


def links(page: Path) -> list[Path]:
    """Return the files that a page shows, after checking that each opens in its full size."""

    class Links(HTMLParser):
        found: list[tuple[str, str]] = []

        def handle_starttag(self, tag, attributes):
            self.found += [(tag, value) for name, value in attributes if name in ("src", "href")]

    parser = Links()
    parser.feed(page.read_text(encoding="utf-8"))
    shown = [value for tag, value in parser.found if tag == "img"]
    assert shown == [value for tag, value in parser.found if tag == "a"]
    return [page.parent / unquote(value) for value in shown]


# ---- figure 6 ----------------------------------------------------------------------------------------------------


@pytest.fixture
def figure6(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("figure6")


def built(figure6, pictures: Path, row: str, *flags: str):
    args = figure6.Namespace(dataroot=pictures, small=False)
    return figure6.built(figure6.options_of(row, args, [*TINY_CUT, *flags]))


def test_figure6_measures_each_row(tree, pictures):
    pytest.importorskip("matplotlib", reason="the extra figures is not installed")
    result = run(tree, "scripts/figure6.sh", pictures, "--rows", "cut", "colorcut", "--rounds", "3", *TINY_CUT)
    assert result.returncode == 0, result.stderr
    with (tree / "figures/figure6.csv").open() as file:
        cut, colorcut = csv.DictReader(file)
    assert (cut.pop("row"), colorcut.pop("row")) == ("cut", "colorcut")
    assert cut.pop("ratio_to_cyclegan") == colorcut.pop("ratio_to_cyclegan") == ""
    cut, colorcut = ({name: float(value) for name, value in row.items()} for row in (cut, colorcut))
    for row in (cut, colorcut):
        assert 0 < row["min_s"] <= row["median_s"] <= row["max_s"]
        assert row["hours_30_epochs_of_6000"] == pytest.approx(row["median_s"] * 50)
        assert 50 < row["peak_memory_mib"] < 50_000
    assert cut["ratio_to_cut"] == 1 and colorcut["ratio_to_cut"] > 0 and colorcut["gflop"] > cut["gflop"] > 0
    height, width = imread(tree / "figures/figure6.png").shape[:2]
    assert width == 1200 and height > 200 and "<svg" in (tree / "figures/figure6.svg").read_text()
    assert "| ColorCUT | " in result.stdout and "pictures of 32x32, batch 1" in result.stdout
    assert not (tree / "checkpoints").exists()


def test_the_l1_term_costs_one_more_pass_of_the_generator(figure6, pictures):
    plain = ("--no_antialias", "--no_antialias_up")
    with_l1, without = (figure6.count_flops(*built(figure6, pictures, row, *plain)) for row in ("cut_tv_l1", "cut_tv"))
    first = 32 * 32 * 4 * 3 * 7 * 7  # multiplications: height, width, channels out and in, kernel
    inner = (
        16 * 16 * 8 * 4 * 9 + 8 * 8 * 16 * 8 * 9 + 8 * (8 * 8 * 16 * 16 * 9) + 8 * 8 * 16 * 8 * 9 + 16 * 16 * 8 * 4 * 9
    )
    last = 32 * 32 * 3 * 4 * 7 * 7
    # Twice for the additions; three times for output and both gradients, of which the picture needs none.
    assert with_l1 - without == 2 * (3 * (first + inner + last) - first)


def test_both_sides_of_the_coin_of_fastcut_are_counted(figure6, pictures, monkeypatch):
    measure = importlib.import_module("measure")
    step, coins = measure.step, []
    monkeypatch.setattr(measure, "step", lambda *a: (step(*a), coins.append(a[0].flipped_for_equivariance)))
    model = built(figure6, pictures, "fastcut")
    both = measure.count_flops(*model)
    assert coins == [True, False]
    model[0].opt.flip_equivariance = False
    assert both > measure.count_flops(*model) > both / 2


@pytest.mark.parametrize(
    "flags, named",
    [(["--wrong", "1"], "unknown flag --wrong"), (["--rounds", "0"], "--rounds"), (["--rows", "x"], "x")],
)
def test_figure6_names_a_mistake(figure6, pictures, monkeypatch, capsys, flags, named):
    monkeypatch.setattr(sys, "argv", ["figure6.py", str(pictures), *flags])
    with pytest.raises(SystemExit) as stopped:
        figure6.run(figure6.main)
    message = str(stopped.value)
    assert message.startswith("error: ") and named in message and "\n" not in message + capsys.readouterr().err


# ---- figures 7 and 1 ---------------------------------------------------------------------------------------------


def test_figures_7_and_1_show_each_picture_in_its_place(tree, photographs):
    untrained_run(tree, photographs, "colorcut", TINY_CUT)
    untrained_run(tree, photographs, "pix2pix", TINY)
    common = ("--size", "40", "--gpu_ids", "-1")
    result = run(tree, "scripts/figure7.sh", photographs, "--pick", "photo_3", "1", *common)
    assert result.returncode == 0, result.stderr
    results = tree / "results/figure7"
    folders = [results / f"set_{row}/test_latest/images" for row in ("colorcut", "pix2pix")]
    figure = imread(tree / "figures/figure7.png")
    assert figure.shape[1:] == (3 * 40 + 2 * GAP, 3) and 2 * 40 + GAP < figure.shape[0] < 2 * 40 + GAP + 40
    for row, name in {2: "photo_3", 1: "photo_0"}.items():
        source = square(photographs / f"testA/{name}.png") @ (0.299, 0.587, 0.114)
        assert abs(cell(figure, row, 3) - source[..., None]).max() < 1
        for column, folder in zip((2, 1), folders, strict=True):
            assert (cell(figure, row, column) == square(folder / f"fake_B/{name}.png")).all()
    assert not (cell(figure, 1, 2) == cell(figure, 1, 1)).all()
    assert (figure[: figure.shape[0] - 84] < 128).any(), "there are no titles"

    shown = links(tree / "figures/figure7/index.html")
    assert len(shown) == 4 * 3
    originals = [folder for n in range(4) for folder in (
        folders[0] / f"real_A/photo_{n}.png", *(folder / f"fake_B/photo_{n}.png" for folder in folders))]  # fmt: skip
    assert [path.read_bytes() for path in shown] == [path.read_bytes() for path in originals]

    result = run(tree, "scripts/figure1.sh", photographs, "--pick_style", "2", "--pick", "photo_2", "4", *common)
    assert result.returncode == 0, result.stderr
    figure = imread(tree / "figures/figure1.png")
    results = tree / "results/figure1"
    pix2pix = results / "photographs/set_pix2pix/test_latest/images"
    colorcut = results / "photographs/set_colorcut/test_latest/images"
    for column, name in {2: "photo_2", 1: "photo_3"}.items():
        lower = [colorcut / "fake_B", pix2pix / "fake_B", pix2pix / "real_A"]
        for row, folder in enumerate(lower, 1):
            assert (cell(figure, row, column) == square(folder / f"{name}.png")).all()
    style = results / "set_pix2pix/test_latest/images"
    left = figure.shape[1] - 84
    truth = square(photographs / "testB/painting_1.png")
    (top,) = [y for y in range(figure.shape[0] - 39) if (figure[y : y + 40, left : left + 40] == truth).all()]
    for above, visual in enumerate(("real_B", "fake_B", "real_A")):
        place = figure[top - above * 44 :, left:][:40, :40]
        assert (place == square(style / f"{visual}/painting_1.png")).all()


@pytest.fixture
def painted(tmp_path) -> Path:
    """What test.py would write: one colour a picture."""
    for number in range(8):
        for visual in ("real_A", "fake_B"):
            save_image(np.full((8, 8, 3), 30 * number, np.uint8), tmp_path / f"run/images/{visual}/p{number}.png")
    return tmp_path / "run"


def figure7(painted: Path, *arguments):
    command = [sys.executable, ROOT / "scripts/figure7.py", f"cut={painted}", *arguments, "--out", painted.parent]
    return subprocess.run([*map(str, command), "--size", "40"], capture_output=True, text=True)


def test_the_first_six_are_shown_where_none_are_picked(painted):
    assert figure7(painted).returncode == 0
    figure = imread(painted.parent / "figure7.png")
    assert [int(cell(figure, 6 - n, 1)[0, 0, 0]) for n in range(6)] == [30 * n for n in range(6)]
    assert figure.shape[0] < 7 * 44 and len(links(painted.parent / "figure7/index.html")) == 16


def test_a_name_wins_over_a_number(painted):
    for visual in ("real_A", "fake_B"):
        (painted / f"images/{visual}/p7.png").rename(painted / f"images/{visual}/1.png")
    assert figure7(painted, "--pick", "1", "2").returncode == 0
    figure = imread(painted.parent / "figure7.png")
    assert [int(cell(figure, row, 1)[0, 0, 0]) for row in (2, 1)] == [210, 0]


def test_figure7_names_a_mistake(painted):
    (painted / "images/fake_B/p2.png").unlink()
    mistakes = {("--pick", "p9"): "p9", ("--pick", "9"): "from 1 to 8", ("--size", "x"): "--size", (): "p2.png",
                ("other=there",): "other=there", ("pix2pix",): "pix2pix"}  # fmt: skip
    for arguments, named in mistakes.items():
        result = figure7(painted, *arguments) if arguments != ("--size", "x") else figure7(painted, "--size=x")
        assert result.returncode == 1 and result.stderr.startswith("error: ") and named in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["figure1", "figure6", "figure7", "ablation"])
def test_scripts_name_a_mistake(tree, pictures, script):
    mistakes = [[], [tree / "nothing"]] + [[pictures]] * (script in ("figure1", "figure7"))
    for arguments in mistakes:
        result = run(tree, f"scripts/{script}.sh", *arguments)
        assert result.returncode == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert script not in ("figure1", "figure7") or "checkpoints/set_" in result.stderr


# ---- the whole ablation ------------------------------------------------------------------------------------------

# Notes what it is called with, and leaves what a training leaves.
RECORDER = """echo "$*" >> calls
while [ "$1" = train.py -a $# -gt 1 ]; do
    [ "$2" != --name ] || { mkdir -p "checkpoints/$3"; touch "checkpoints/$3/latest_net_G.pth"; break; }
    set -- train.py "${@:3}"
done
exit 0"""


def test_the_ablation_trains_all_rows_then_makes_the_figures(tree, pictures):
    flags = ["--small", "--gpu_ids", "-1", "--lr", "0.001", "--direction", "BtoA"]
    result = run(tree, "scripts/ablation.sh", pictures, *flags, interpreter=RECORDER)
    assert result.returncode == 0, result.stderr
    calls = (tree / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == (
        ["train.py"] * 7 + ["scripts/figure6.py"] + ["test.py"] * 7 + ["scripts/figure7.py"]
        + ["test.py"] * 3 + ["scripts/figure1.py"])  # fmt: skip
    for row, call in zip(ROWS, calls, strict=False):
        assert f"--name set_{row}_small --preset small" in call and call.endswith("--lr 0.001 --direction BtoA")
    assert calls[7] == f"scripts/figure6.py {pictures} {' '.join(flags)}"
    tests = [call for call in calls if call.startswith("test.py")]
    for call in tests:
        assert "--preprocess rescale_shortside --load_size 80 --gpu_ids -1" in call and "--lr" not in call
    modes = ["grayscale_unaligned" in call for call in tests]
    assert modes == [False] * 6 + [True] + [False, True, False]
    assert [row.split("=")[0] for row in calls[15].split()[1:]] == ROWS
