"""The scripts of the figures, run in a copy of the tree: numbers, which image is where, pages, picks, mistakes."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from skimage.io import imread

from models import create_model
from options.train_options import TrainOptions
from scripts.lib.image_grid import GAP
from scripts.lib.step_worker import count
from scripts.paper import contact_sheet, figure6, figure7
from tests.helpers.build import build
from tests.helpers.flags import COLORCUT, CUT
from tests.helpers.launch import call, refusal
from util.util import save_image

TINY = "--ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --load_size 32 --gpu_ids -1"
ROWS = ["cut", "cut_tv", "cut_tv_l1", "colorcut", "best", "fastcut", "cyclegan", "pix2pix"]


@pytest.fixture
def photographs(dataroot) -> Path:
    """The data root, with names that are not numbers."""
    for folder, name in {"testA": "photo", "testB": "painting"}.items():
        for path in (dataroot / folder).iterdir():
            path.rename(path.with_name(f"{name}_{path.name}"))
    return dataroot


def run(tree: Path, command: str, interpreter: str = f'exec "{sys.executable}" "$@"', **environment):
    """Run a command in the tree, with `interpreter` as the body of the shell script that stands for python there."""
    python = tree / "environment/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/usr/bin/env bash\n{interpreter}\n")
    python.chmod(0o755)
    environment = {**os.environ, "VIRTUAL_ENV": str(tree / "environment"), **environment}
    return subprocess.run(command.split(), cwd=tree, env=environment, capture_output=True, text=True)


def leave_untrained_run(tree: Path, dataroot: Path, row: str, flags: str) -> None:
    """Leave what a finished training of the row would, with initial weights."""
    own = run(tree, f"scripts/paper/{row}.sh {dataroot}", PRINT_FLAGS="1").stdout
    place = f"--checkpoints_dir {tree / 'checkpoints'} --name set_{row} --dataroot {dataroot}"
    options = TrainOptions(f"{place} {own} {flags} --init_gain 1 --seed 1")
    opt = options.parse()
    options.record(opt).write()
    create_model(opt).save_networks("latest")


def square(path: Path) -> np.ndarray:
    """Return the middle 40x40 pixels of an image (40, 48, 3)."""
    return imread(path)[:, 4:44]


def cell(figure: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return one of a figure's images of 40x40 pixels; row and column count from the bottom right, from 1."""
    places = zip(figure.shape, (row, column), strict=False)
    bottom, right = (size - (number - 1) * (40 + GAP) for size, number in places)
    return figure[bottom - 40 : bottom, right - 40 : right]


def links(page: Path) -> list[Path]:
    """Return the images that a page shows, after checking that each opens in its full size."""
    html = page.read_text(encoding="utf-8")
    shown, opened = re.findall(r'<img[^>]*src="([^"]*)"', html), re.findall(r'<a[^>]*href="([^"]*)"', html)
    assert shown == opened
    return [page.parent / unquote(name) for name in shown]


# ---- figure 6 ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_figure6_measures_each_row(tree, dataroot):
    pytest.importorskip("matplotlib", reason="the extra figures is not installed")
    rows = "--rows cut colorcut --rounds 3"
    result = run(tree, f"scripts/paper/figure6.sh {dataroot} {rows} {TINY} {CUT}")
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
    assert "| ColorCUT | " in result.stdout and "images of 32x32, batch 1" in result.stdout
    assert not (tree / "checkpoints").exists()


def count_flops(dataroot: Path, flags: str) -> float:
    model, loader = build(dataroot, flags)
    return count(model, next(iter(loader)))[0]


@pytest.mark.slow
def test_count_has_one_more_pass_of_the_generator_for_the_l1_term(dataroot):
    plain = f"{COLORCUT} --no_antialias --no_antialias_up --lambda_Var 0"
    with_l1, without = (count_flops(dataroot, f"{plain} --lambda_l1 {weight}") for weight in (5, 0))
    first = 32 * 32 * 4 * 3 * 7 * 7  # multiplications: height, width, channels out and in, kernel
    down, blocks = 16 * 16 * 8 * 4 * 9 + 8 * 8 * 16 * 8 * 9, 8 * (8 * 8 * 16 * 16 * 9)
    last = 32 * 32 * 3 * 4 * 7 * 7
    # Twice for the additions; three times for output and both gradients, of which the image needs none.
    assert with_l1 - without == 2 * (3 * (first + 2 * down + blocks + last) - first)


@pytest.mark.slow
def test_count_has_flipped_and_other_iterations_of_fastcut(dataroot):
    fastcut = f"{CUT} --model cut --CUT_mode FastCUT"
    both, never = count_flops(dataroot, fastcut), count_flops(dataroot, f"{fastcut} --flip_equivariance False")
    assert both > never > both / 2


@pytest.mark.parametrize(
    ("flags", "named"), [("--wrong 1", "unknown flag --wrong"), ("--rounds 0", "--rounds"), ("--rows x", "x")]
)
def test_figure6_refuses_a_mistake_in_one_line(dataroot, flags, named):
    assert named in refusal(figure6.main, f"{dataroot} {flags}")


# ---- figures 7 and 1 ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_figures_7_and_1_show_each_image_in_its_place(tree, photographs):
    leave_untrained_run(tree, photographs, "colorcut", f"{TINY} {CUT}")
    leave_untrained_run(tree, photographs, "pix2pix", TINY)
    flags = "--size 40 --gpu_ids -1 --preprocess none"
    result = run(tree, f"scripts/paper/figure7.sh {photographs} --pick photo_3 1 {flags}")
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

    originals = []
    for n in range(4):
        originals += [folders[0] / f"real_A/photo_{n}.png", *(folder / f"fake_B/photo_{n}.png" for folder in folders)]
    shown = links(tree / "figures/figure7/index.html")
    assert [path.read_bytes() for path in shown] == [path.read_bytes() for path in originals]

    result = run(tree, f"scripts/paper/figure1.sh {photographs} --pick_style 2 --pick photo_2 4 {flags}")
    assert result.returncode == 0, result.stderr
    figure = imread(tree / "figures/figure1.png")
    results = tree / "results/figure1"
    pix2pix = results / "photographs/set_pix2pix/test_latest/images"
    colorcut = results / "photographs/set_colorcut/test_latest/images"
    for column, name in {2: "photo_2", 1: "photo_3"}.items():
        for row, folder in enumerate([colorcut / "fake_B", pix2pix / "fake_B", pix2pix / "real_A"], 1):
            assert (cell(figure, row, column) == square(folder / f"{name}.png")).all()
    style = results / "set_pix2pix/test_latest/images"
    left = figure.shape[1] - 84
    truth = square(photographs / "testB/painting_1.png")
    (top,) = [y for y in range(figure.shape[0] - 39) if (figure[y : y + 40, left : left + 40] == truth).all()]
    for above, visual in enumerate(("real_B", "fake_B", "real_A")):
        place = figure[top - above * 44 :, left:][:40, :40]
        assert (place == square(style / f"{visual}/painting_1.png")).all()


@pytest.fixture
def output(tmp_path) -> Path:
    """What test.py would write: one color for each image."""
    for number in range(8):
        for visual in ("real_A", "fake_B"):
            save_image(np.full((8, 8, 3), 30 * number, np.uint8), tmp_path / f"run/images/{visual}/p{number}.png")
    return tmp_path / "run"


def test_figure7_shows_the_first_six_without_picks(output):
    call(figure7.main, f"cut={output} --out {output.parent} --size 40")
    figure = imread(output.parent / "figure7.png")
    assert [int(cell(figure, 6 - n, 1)[0, 0, 0]) for n in range(6)] == [30 * n for n in range(6)]
    assert figure.shape[0] < 7 * 44 and len(links(output.parent / "figure7/index.html")) == 16


def test_figure7_prefers_a_name_to_a_number(output):
    for visual in ("real_A", "fake_B"):
        (output / f"images/{visual}/p7.png").rename(output / f"images/{visual}/1.png")
    call(figure7.main, f"cut={output} --out {output.parent} --size 40 --pick 1 2")
    figure = imread(output.parent / "figure7.png")
    assert [int(cell(figure, row, 1)[0, 0, 0]) for row in (2, 1)] == [210, 0]


def test_figure7_refuses_a_mistake_in_one_line(output):
    mistakes = {"--pick p9": "p9", "--pick 9": "from 1 to 8", "--size=x": "--size", "a=b": "a=b", "pix2pix": "pix2pix"}
    for flags, named in mistakes.items():
        assert named in refusal(figure7.main, f"cut={output} {flags} --out {output.parent}")
    (output / "images/fake_B/p2.png").unlink()
    assert "p2.png" in refusal(figure7.main, f"cut={output} --out {output.parent}", code=1)


def test_contact_sheet_puts_each_output_below_its_source(output):
    save_image(np.full((8, 8, 3), 255, np.uint8), output / "images/fake_B/p1.png")
    folders = f"{output}/images/real_A {output}/images/fake_B"
    call(contact_sheet.main, f"{output}/sheet.png {folders} --pick p1 p2 p3 --columns 2 --size 40")
    sheet = imread(output / "sheet.png")
    assert sheet.shape == (4 * 44, 84, 3)
    values = [[int(sheet[top, left, 0]) for left in (20, 64)] for top in (20, 64, 112, 156)]
    assert values == [[30, 60], [255, 60], [90, 255], [90, 255]]


@pytest.mark.parametrize("script", ["figure1", "figure6", "figure7", "ablation", "table"])
def test_scripts_of_the_paper_refuse_a_mistake_in_one_line(tree, dataroot, script):
    mistakes = {"": 2, str(tree / "nothing"): 2}
    if script in ("figure1", "figure7"):
        mistakes[str(dataroot)] = 1  # nothing is trained
    for arguments, code in mistakes.items():
        result = run(tree, f"scripts/paper/{script}.sh {arguments}")
        assert result.returncode == code and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert len(mistakes) == 2 or "checkpoints/set_" in result.stderr


# ---- the whole ablation ------------------------------------------------------------------------------------------

# Notes what it is called with, and leaves what a training leaves.
RECORDER = """echo "$*" >> calls
while [ "$1" = train.py -a $# -gt 1 ]; do
    [ "$2" != --name ] || { mkdir -p "checkpoints/$3"; touch "checkpoints/$3/latest_net_G.pth"; break; }
    set -- train.py "${@:3}"
done
exit 0"""


def test_ablation_trains_all_rows_then_makes_the_figures(tree, dataroot):
    flags = "--small --gpu_ids -1 --lr 0.001 --seed 3"
    result = run(tree, f"scripts/paper/ablation.sh {dataroot} {flags}", interpreter=RECORDER)
    assert result.returncode == 0, result.stderr
    calls = (tree / "calls").read_text().splitlines()
    programs = ["train.py"] * 8 + ["scripts/paper/figure6.py"] + ["test.py"] * 8 + ["scripts/paper/figure7.py"]
    programs += ["test.py"] * 3 + ["scripts/paper/figure1.py"]
    assert [line.split()[0] for line in calls] == programs
    for row, line in zip(ROWS, calls, strict=False):
        assert f"--name set_{row}_small_seed3 --preset small" in line and line.endswith("--lr 0.001 --seed 3")
    assert calls[8] == f"scripts/paper/figure6.py {dataroot} {flags}"
    tests = [line for line in calls if line.startswith("test.py")]
    for line in tests:
        assert "--gpu_ids -1" in line and "--lr" not in line
    modes = ["grayscale_unaligned" in line for line in tests]
    assert modes == [False] * 7 + [True] + [False, True, False]
    assert [row.split("=")[0] for row in calls[17].split()[1:]] == ROWS


def test_ablation_stops_when_its_minutes_are_over(tree, dataroot):
    """Also in its last row, whose training may be cut short like any other."""
    ablation = f"scripts/paper/ablation.sh {dataroot} --small"
    result = run(tree, f"{ablation} --time_limit=0.02", interpreter=f"sleep 1.1\n{RECORDER}")
    assert result.returncode == 0 and "stopped after --time_limit 0.02; call it again" in result.stdout
    calls = (tree / "calls").read_text()
    assert "--name set_cut_small" in calls and calls.endswith("--time_limit 0.0166667\n") and calls.count("\n") == 1

    (tree / "calls").unlink()
    slow_last = f'case "$*" in *pix2pix*) sleep 3.1 ;; esac\n{RECORDER}'
    result = run(tree, f"{ablation} --time_limit 0.05", interpreter=slow_last)
    assert "call it again" in result.stdout and "figure" not in (tree / "calls").read_text()
    result = run(tree, f"{ablation} --time_limit 0", interpreter=RECORDER)  # never
    assert result.returncode == 0 and "figure1.py" in (tree / "calls").read_text()
    result = run(tree, f"{ablation} --time_limit some")
    assert result.returncode == 2 and "expected minutes or H:MM:SS" in result.stderr


def test_table_measures_all_seeds_of_each_trained_row(tree, dataroot):
    for name in ("set_best_small_seed1", "set_best_small_seed2", "set_cut_small", "set_cyclegan_seed1"):
        (tree / "checkpoints" / name).mkdir(parents=True)
        (tree / f"checkpoints/{name}/latest_net_G.pth").touch()
    result = run(tree, f"scripts/paper/table.sh {dataroot} --small --gpu_ids -1", interpreter=RECORDER)
    assert result.returncode == 0, result.stderr
    names = "--names set_cut_small set_best_small_seed1,set_best_small_seed2 --name set_table_small"
    assert (tree / "calls").read_text() == f"evaluate.py --dataroot {dataroot} {names} --gpu_ids -1\n"
