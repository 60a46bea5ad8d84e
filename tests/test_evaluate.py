"""evaluate.py as you run it: its figures against the images that it wrote, several runs, and mistakes."""

import csv
import importlib
import json
import shutil
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from options.evaluate_options import _title
from tests.helpers.flags import MODELS, TINY
from tests.helpers.images import make_dataroot, noise, read, save
from tests.helpers.launch import error_of, output_of
from util.evaluation import inception

ROWS = ["gray", "mean color", "Welsh k=1", "Welsh k=64"]
SIZES = [(39, 50), (17, 23), (3, 90), (40, 48)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three short runs, of two models, and a data root `set` with test images of several sizes."""
    folder = tmp_path_factory.mktemp("trained")
    dataroot = make_dataroot(folder / "set", "trainA", "trainB", "testA", "testB")
    for number, size in enumerate(SIZES):
        save(noise(*size), dataroot / f"testA/{number}.png")
    for name, flags in {"one": "--seed 1", "two": "--seed 2", "cycle": MODELS["CycleGAN"]}.items():
        model = "" if name == "cycle" else MODELS["ColorCUT"]
        folders = f"--dataroot {dataroot} --checkpoints_dir {folder} --name {name} --display_id -1"
        output_of(f"train.py {folders} {TINY} {model} {flags} --n_epochs 1 --n_epochs_decay 0")
    return folder


@pytest.fixture
def runs(trained: Path, dataroot: Path, tmp_path: Path) -> str:
    """Flags for the folders of a copy of the runs and of their images, which is a test's own."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return f"--dataroot {dataroot} --checkpoints_dir {tmp_path} --results_dir {tmp_path / 'results'} --gpu_ids -1"


def lab_images(folder: Path, names: list[str]) -> list[np.ndarray]:
    return [rgb2lab(read(folder / f"{name}.png")) for name in names]


@pytest.mark.slow
def test_figures_are_those_of_the_images_on_the_page(dataroot, tmp_path, runs):
    printed = output_of(f"evaluate.py {runs} --name one --preprocess none --draws 50")
    folder = tmp_path / "results/one/evaluation_latest"
    table = json.loads((folder / "metrics.json").read_text())
    assert list(table) == [*ROWS, "one", "held-out style"] and all(row in printed for row in table)

    style = [str(number) for number in range(4)]  # the images of testA come after them, under other names
    truth = lab_images(dataroot / "testB", style)
    for row in ROWS + ["one"]:
        colored = lab_images(folder / "images" / row, style)
        errors = [np.hypot(*np.moveaxis(a - b, -1, 0)[1:]).mean() for a, b in zip(colored, truth, strict=True)]
        assert table[row]["ab_error"]["value"] == pytest.approx(np.mean(errors), abs=1e-4), row
    content = lab_images(folder / "images/one", [f"{number}_png" for number in range(4)])
    assert [image.shape[:2] for image in content] == SIZES
    means = np.stack([image[..., 1:].mean((0, 1)) for image in content])
    assert table["one"]["spread_between"]["value"] == pytest.approx(means.std(0).mean(), abs=1e-4)
    assert table["gray"]["colorfulness"]["value"] == pytest.approx(0, abs=0.01)
    assert table["gray"]["structure"]["value"] == pytest.approx(1)
    mean = np.concatenate([image[..., 1:].reshape(-1, 2) for image in lab_images(dataroot / "trainB", style)]).mean(0)
    found = np.concatenate([image[..., 1:].reshape(-1, 2) for image in lab_images(folder / "images/mean color", style)])
    assert np.median(found, 0) == pytest.approx(mean, abs=1.5)  # 4096 pixels of each image were drawn


@pytest.mark.slow
def test_runs_side_by_side(tmp_path, runs):
    """Runs joined by commas share a row with the mean of theirs; files have each run."""
    printed = output_of(f"evaluate.py {runs} --names one,two cycle one --draws 50")
    folder = tmp_path / "results/comparison/evaluation_latest"
    rows = ["one (2 runs)", "cycle", "one"]
    table = json.loads((folder / "metrics.json").read_text())
    assert set(table) == {*ROWS, "held-out style", *rows, "two"}
    for name in ("ab_error", "patch_distance", "ab_distance", "structure"):
        shared = table["one (2 runs)"][name]
        assert shared["value"] == pytest.approx((table["one"][name]["value"] + table["two"][name]["value"]) / 2)
        assert shared["low"] <= shared["value"] <= shared["high"]
    with (folder / "metrics.csv").open() as file:
        records = {(record["row"], record["metric"]): record for record in csv.DictReader(file)}
    for row, figures in table.items():
        for name, figure in figures.items():
            assert float(records[row, name]["value"]) == figure["value"]
            assert float(records[row, name]["low"]) == figure["low"]
    page, markdown = (folder / "index.html").read_text(), (folder / "metrics.md").read_text()
    for text, own_row in ((printed, "\ntwo "), (page, "<td>two</td>"), (markdown, "| two |")):
        assert all(row in text for row in [*ROWS, *rows])
        assert own_row not in text and own_row.replace("two", "cycle") in text
        assert f"{table['cycle']['ab_error']['value']:.2f}" in text
    assert page.index("<h1>") < page.index("<table>") < page.index("<figure>")


def test_mistakes_end_in_one_line(dataroot, tmp_path, runs):
    flags = f"--dataroot {dataroot} {TINY} {MODELS['ColorCUT']} --checkpoints_dir {tmp_path} --display_id -1"
    output_of(f"train.py {flags} --name larger --crop_size 40 --n_epochs 1 --max_dataset_size 1")
    differs = error_of(f"evaluate.py {runs} --names one larger", code=2)
    assert "load_size" in differs and "one" in differs and "larger" in differs
    assert "no such file" in error_of(f"evaluate.py {runs} --name one --fid_weights nowhere.pth", code=2)
    assert "absent" in error_of(f"evaluate.py {runs} --names one absent")
    assert "one title" in error_of(f"evaluate.py {runs} --names one two,one one", code=2)
    (tmp_path / "one").rename(tmp_path / "gray")
    assert "a row of that name" in error_of(f"evaluate.py {runs} --names gray", code=2)


def test_source_images_do_not_depend_on_the_data_mode_of_the_runs(tmp_path, runs):
    """pix2pix is trained with --dataset_mode colorization, which reads style images only."""
    output_of(f"evaluate.py {runs} --name one --dataset_mode colorization --preprocess none --draws 0")
    images = tmp_path / "results/one/evaluation_latest/images/one"
    assert [read(images / f"{number}_png.png").shape[:2] for number in range(4)] == SIZES


def test_rows_of_seeds_have_the_name_of_the_recipe():
    assert _title(["set_cut_seed1", "set_cut_seed10"]) == "set_cut (2 runs)"
    assert _title(["a_1", "a_2", "a_3"]) == "a (3 runs)" and _title(["a", "b"]) == "a (2 runs)"


def test_fid_refuses_a_damaged_file_before_anything_is_colored(runs, tmp_path):
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    weights = tmp_path / "weights.pth"
    weights.write_text("<html>not found</html>")
    assert "not a readable checkpoint" in error_of(f"evaluate.py {runs} --name one --fid_weights {weights}")
    assert not (tmp_path / "results").exists()


def test_fid_says_what_to_install(runs, tmp_path, monkeypatch):
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    assert "pip install torch-fidelity" in error_of(f"evaluate.py {runs} --name one --fid_weights {weights} --draws 0")


def test_fid_and_kid_compare_colored_source_images_with_training_images(dataroot, tmp_path, runs, monkeypatch):
    monkeypatch.setattr(inception, "check_inception", lambda _: None)
    monkeypatch.setattr(inception, "fid_and_kid", lambda images, style, _: {"fid": mean(images), "kid": mean(style)})
    (tmp_path / "weights.pth").touch()
    output_of(f"evaluate.py {runs} --name one --draws 0 --preprocess none --fid_weights {tmp_path / 'weights.pth'}")
    folder = tmp_path / "results/one/evaluation_latest"
    table = json.loads((folder / "metrics.json").read_text())
    colored = [read(folder / f"images/one/{number}_png.png") for number in range(4)]
    style = [read(path) for path in (dataroot / "trainB").iterdir()]
    figures = table["one"]["fid"]["value"], table["one"]["kid"]["value"]
    assert figures == pytest.approx((mean(colored), mean(style)))
    assert "FID" in (folder / "metrics.md").read_text()


def mean(images: list[np.ndarray]) -> float:
    return float(np.mean([image.mean() for image in images]))


@pytest.mark.slow
def test_fid_and_kid_are_those_of_the_definition(tmp_path):
    """With random weights, against Heusel et al.'s formula on the features and Binkowski et al.'s unbiased estimate."""
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    extractor = random_inception(tmp_path / "weights.pth")
    images, style = ([noise(40, 48, seed=first + k) for k in range(4)] for first in (0, 4))
    inception.check_inception(str(tmp_path / "weights.pth"))
    found = inception.fid_and_kid(images, style, str(tmp_path / "weights.pth"))
    x, y = (
        np.concatenate([extractor(torch.from_numpy(image).permute(2, 0, 1)[None])[0].double().numpy() for image in of])
        for of in (images, style)
    )
    covariances = [np.cov(points, rowvar=False) for points in (x, y)]
    shift = x.mean(0) - y.mean(0)
    # The product has the eigenvalues of this 4x4 matrix, and zeros: covariances of 4 points have rank 3.
    cross = (x - x.mean(0)) @ (y - y.mean(0)).T / 3
    eigenvalues = np.linalg.eigvals(cross @ cross.T).real.clip(0)
    fid = shift @ shift + np.trace(sum(covariances)) - 2 * np.sqrt(eigenvalues).sum()
    assert found["fid"] == pytest.approx(fid, rel=0.02, abs=1e-3)

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    off_diagonal = ~np.eye(4, dtype=bool)
    kid = kernel(x, x)[off_diagonal].mean() + kernel(y, y)[off_diagonal].mean() - 2 * kernel(x, y).mean()
    assert found["kid"] == pytest.approx(kid, rel=0.02, abs=1e-5)


def random_inception(path: Path) -> torch.nn.Module:
    """Write random weights of Inception; return the network with them, which gives its 2048 features."""
    module = "torch_fidelity.feature_extractor_inceptionv3"
    with mock.patch(f"{module}.load_state_dict_from_url"), mock.patch("torch.nn.Module.load_state_dict"):
        network = importlib.import_module(module).FeatureExtractorInceptionV3("inception", ["2048"])
    torch.save(network.state_dict(), path)
    return network
