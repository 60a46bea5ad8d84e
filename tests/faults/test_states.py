"""Damaged states: the one before is read, a line says so, and nothing of the damaged one is used."""

import copy
import errno
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.finite_check import NonFiniteError
from tests.faults.case import CONTINUE, TRAIN, ends, snapshot
from tests.helpers.build import same_checkpoints, same_tensors, weights_of
from util.checkpoint import load
from util.errors import UserError
from util.run.state import _read

GO_ON = f"{CONTINUE} --n_epochs 3"
State = dict[str, Any]


def change(path: tuple, value: object) -> Callable[[State], None]:
    """Return a function that puts a value into a state."""

    def apply(state: State) -> None:
        for key in path[:-1]:
            state = state[key]
        state[path[-1]] = value

    return apply


def remove(*path: object) -> Callable[[State], None]:
    """Return a function that removes an entry of a state."""

    def apply(state: State) -> None:
        for key in path[:-1]:
            state = state[key]
        del state[path[-1]]

    return apply


def weight(state: State) -> torch.Tensor:
    return state["model"]["networks"]["G"]["model.1.weight"]


def poison(of: Callable[[State], torch.Tensor], value: float) -> Callable[[State], None]:
    """Return a function that sets the first number of a tensor in a state."""

    def apply(state: State) -> None:
        of(state).view(-1)[0] = value

    return apply


def moments(state: State) -> torch.Tensor:
    return state["model"]["optimizers"][0]["state"][0]["exp_avg"]


NAN, INF = float("nan"), float("inf")
WRONG: dict[str, Callable[[State], None]] = {
    **{f"without model.{key}": remove("model", key) for key in (
        "networks", "optimizers", "schedulers", "lr", "metric", "epoch_loss", "scaler", "random", "extra")},
    "without model": remove("model"), "without progress": remove("progress"), "without step_size": remove("step_size"),
    "without network G": remove("model", "networks", "G"),
    "without options": remove("options"), "options a list": change(("options",), [1]),
    "options of another run": change(("options", "run_id"), "another"),
    "format 3": change(("format",), 3), "format of text": change(("format",), "2"),
    "epoch -5": change(("progress", "epoch"), -5), "epoch x": change(("progress", "epoch"), "x"),
    "epoch true": change(("progress", "epoch"), True), "epoch 2.5": change(("progress", "epoch"), 2.5),
    "epoch_iter -1": change(("progress", "epoch_iter"), -1), "an unknown field": change(("progress", "foo"), 1),
    "a field fewer": remove("progress", "total_iters"), "score NaN": change(("progress", "best_score"), NAN),
    "progress a list": change(("progress",), [1]), "model a list": change(("model",), [1]),
    "step_size 0": change(("step_size",), 0), "step_size x": change(("step_size",), "x"),
    "lr 0": change(("model", "lr"), 0.0), "lr NaN": change(("model", "lr"), NAN),
    "lr -1": change(("model", "lr"), -1.0), "lr x": change(("model", "lr"), "x"),
    "metric NaN": change(("model", "metric"), NAN),
    "metric a list": change(("model", "metric"), [1]),
    "one optimizer fewer": lambda state: state["model"]["optimizers"].pop(),
    "one schedule fewer": lambda state: state["model"]["schedulers"].pop(),
    "an optimizer of other groups": change(("model", "optimizers", 0, "param_groups"), []),
    "an optimizer of a weight fewer": lambda state: state["model"]["optimizers"][0]["param_groups"][0]["params"].pop(),
    "moments of another shape": lambda state: state["model"]["optimizers"][0]["state"][0].update(
        exp_avg=torch.zeros(3)),
    "moments of no weight": lambda state: state["model"]["optimizers"][0]["state"].update({999: {}}),
    "moments that are text": change(("model", "optimizers", 0, "state", 0), "x"),
    "NaN in a weight": poison(weight, NAN), "infinity in a weight": poison(weight, INF),
    "NaN in Adam's moments": poison(moments, NAN), "infinity in Adam's moments": poison(moments, INF),
    "NaN in the sum of an epoch": change(("model", "epoch_loss"), torch.tensor([NAN, 1.0])),
    "a sum of another shape": change(("model", "epoch_loss"), torch.zeros(3)),
    "a rate that is not finite": change(("model", "optimizers", 0, "param_groups", 0, "lr"), NAN),
    "a schedule without its epoch": remove("model", "schedulers", 0, "last_epoch"),
    "a schedule of another policy": change(("model", "schedulers", 0), {"best": 1.0, "last_epoch": 2}),
    "random state of another size": change(("model", "random", "torch"), torch.zeros(5, dtype=torch.uint8)),
    "random state without Python's": remove("model", "random", "python"),
    "numpy's state of another size": change(("model", "random", "numpy"), ("MT19937", torch.zeros(2), 1, 0, 0.0)),
    "extra empty": change(("model", "extra"), []), "extra of text": change(("model", "extra"), ["x"]),
    "NaN in extra": lambda state: state["model"]["extra"][0].update(style_sums=torch.tensor(NAN)),
    "weights of another shape": lambda state: state["model"]["networks"]["G"].update({"model.1.weight": torch.ones(3)}),
    "weights in int64": lambda state: state["model"]["networks"].update(
        G={key: value.long() for key, value in state["model"]["networks"]["G"].items()}),
    "weights complex": lambda state: state["model"]["networks"].update(
        G={key: value.to(torch.complex64) for key, value in state["model"]["networks"]["G"].items()}),
    "weights that are text": lambda state: state["model"]["networks"]["G"].update({"model.1.weight": "x"}),
}  # fmt: skip


@pytest.fixture(scope="session")
def expected(trained, tmp_path_factory) -> Path:
    """The folder of the run continued from its earlier state, as if the latest one had never been."""
    folder = tmp_path_factory.mktemp("expected") / "work"
    shutil.copytree(trained, folder)
    (folder / "ck/run/earlier_state_1.pth").replace(folder / "ck/run/latest_state.pth")
    ends(GO_ON, folder, 0, "continuing at epoch 2, image 0")
    return folder / "ck/run"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_state_is_refused_as_a_whole(saver, state, tmp_path, name):
    """Before anything of it is used: the model stays as it is."""
    changed, before = copy.deepcopy(state), weights_of(saver.model)
    WRONG[name](changed)
    torch.save(changed, tmp_path / "latest_state.pth")
    with pytest.raises(UserError, match=r"latest_state\.pth"):
        _read(tmp_path / "latest_state.pth", saver._check_state, saver.model.device)
    assert same_tensors(weights_of(saver.model), before)


@pytest.mark.parametrize("name", [*WRONG][::4])
def test_a_wrong_state_is_named_and_the_one_before_it_is_read(folder, expected, name):
    path = folder / "ck/run/latest_state.pth"
    state = torch.load(path, weights_only=True)
    WRONG[name](state)
    torch.save(state, path)
    done = ends(GO_ON, folder, 0, "continuing at epoch 2, image 0")
    assert "warning: ck/run/latest_state.pth" in done.stderr and "continuing from earlier_state_1.pth" in done.stderr
    assert same_checkpoints(folder / "ck/run", expected)
    assert len(list((folder / "ck/run").glob("*_state*.pth"))) == 2


@pytest.mark.parametrize("share", [0, 0.0001, 0.1, 0.5, 0.9, 0.999])
def test_a_state_cut_short_is_named_and_the_one_before_it_is_read(folder, expected, share):
    path = folder / "ck/run/latest_state.pth"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    ends(GO_ON, folder, 0, "continuing from earlier_state_1.pth")
    assert same_checkpoints(folder / "ck/run", expected)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << place % 8
    path.write_bytes(content)


def parts_of(path: Path) -> list[tuple[int, int]]:
    """Return where the content of each part of a checkpoint begins, and its size in bytes.

    Between them lie names and padding. In a local header the lengths of the name and of what follows are at byte 26
    (APPNOTE.TXT of the ZIP format, 4.3.7).
    """
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        parts = []
        for part in archive.infolist():
            file.seek(part.header_offset + 26)
            parts.append((part.header_offset + 30 + sum(struct.unpack("<HH", file.read(4))), part.file_size))
    return parts


@pytest.mark.parametrize("share", [0, 0.2, 0.4, 0.6, 0.8, 1])
def test_a_flipped_bit_in_a_state_is_noticed(folder, expected, share):
    path = folder / "ck/run/latest_state.pth"
    parts = parts_of(path)
    start, size = parts[round(share * (len(parts) - 1))]
    flip(path, start + size // 2)
    ends(GO_ON, folder, 0, "continuing from earlier_state_1.pth")
    assert same_checkpoints(folder / "ck/run", expected)


def test_a_flipped_bit_anywhere_is_noticed_or_changes_nothing(trained, tmp_path):
    """What is not noticed lies between the parts of the file, where nothing is read."""
    content = (trained / "ck/run/latest_net_F.pth").read_bytes()
    original, path = load(trained / "ck/run/latest_net_F.pth"), tmp_path / "a.pth"
    noticed = 0
    for place in random.Random(0).sample(range(len(content)), 300):
        path.write_bytes(content)
        flip(path, place)
        try:
            read = load(path)
        except UserError:
            noticed += 1
        else:
            assert read.keys() == original.keys() and all(torch.equal(read[key], original[key]) for key in read)
    assert noticed > 150


def test_without_any_good_state_the_line_names_the_latest_and_the_way_out(folder):
    for path in (folder / "ck/run").glob("*_state*.pth"):
        path.write_bytes(b"")
    before = snapshot(folder)
    ends(GO_ON, folder, 1, "ck/run/latest_state.pth is not a readable checkpoint")
    assert snapshot(folder) == before
    for path in (folder / "ck/run").glob("*_state*.pth"):
        path.unlink()
    ends(GO_ON, folder, 0, "continuing at epoch 3 with the networks of epoch latest")


def test_networks_that_a_killed_save_did_not_write_are_written(folder):
    """Also after the last epoch, when nothing is left to train."""
    run, before = folder / "ck/run", snapshot(folder / "ck/run")
    for name in ("latest_net_G.pth", "2_net_D.pth", "2_net_F.pth"):
        (run / name).unlink()
    (run / "latest_net_D.pth").write_bytes((run / "1_net_D.pth").read_bytes())
    os.utime(run / "latest_net_D.pth", (1, 1))
    ends(CONTINUE, folder, 0, "all 2 epochs are done")
    after = snapshot(run)
    assert after.keys() == before.keys() and after["latest_state.pth"] == before["latest_state.pth"]
    latest, numbered = (load(run / f"{label}_net_D.pth") for label in ("latest", "2"))
    assert same_tensors(latest, numbered)


@pytest.mark.parametrize("labels", ["x", [1.5], ["../x"], [None]])
def test_labels_that_are_no_names_are_refused(folder, labels):
    path = folder / "ck/run/latest_state.pth"
    state = torch.load(path, weights_only=True)
    torch.save({**state, "labels": labels}, path)
    ends(GO_ON, folder, 0, "continuing from earlier_state_1.pth")


def test_a_disk_that_fails_is_no_damage(folder):
    """The latest state may be sound, and stays the latest."""
    before = snapshot(folder)

    def fail() -> None:
        def load(path: Path, **options: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        torch.load = load

    ends(GO_ON, folder, 1, "latest_state.pth", fail)
    assert snapshot(folder) == before


def test_moments_that_are_not_finite_are_not_saved(saver, state):
    """No state could be restored from them."""
    saver.model.load_state(copy.deepcopy(state["model"]))
    saver.model.check_weights()
    moments = saver.model.optimizers[0].state_dict()["state"][0]["exp_avg_sq"]
    moments.view(-1)[0] = INF
    with pytest.raises(NonFiniteError, match="moments of Adam"):
        saver.model.check_weights()
    saver.model.load_state(copy.deepcopy(state["model"]))


def test_a_missing_latest_state_is_said(folder, expected):
    (folder / "ck/run/latest_state.pth").unlink()
    ends(GO_ON, folder, 0, "latest_state.pth is missing")
    assert same_checkpoints(folder / "ck/run", expected)


@pytest.mark.parametrize("is_of_this_run", [False, True])
def test_a_state_of_another_run_or_of_other_networks_is_not_used(folder, expected, is_of_this_run):
    """As after a copy into the wrong folder."""
    ends(f"{TRAIN} --name other --ngf 8 --n_epochs 1", folder, 0)
    (folder / "ck/other/latest_state.pth").replace(folder / "ck/run/latest_state.pth")
    if is_of_this_run:
        own = torch.load(folder / "ck/run/earlier_state_1.pth", weights_only=True)["options"]["run_id"]
        state = torch.load(folder / "ck/run/latest_state.pth", weights_only=True)
        state["options"]["run_id"] = own
        torch.save(state, folder / "ck/run/latest_state.pth")
    said = "does not fit netG" if is_of_this_run else "latest_state.pth is a state of another run"
    done = ends(f"{GO_ON} --ngf 4" if is_of_this_run else GO_ON, folder, 0, said)
    assert "continuing from earlier_state_1.pth" in done.stderr and same_checkpoints(folder / "ck/run", expected)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_as_many_states_are_kept_as_asked_for(folder, count):
    ends(f"{TRAIN} --name new --n_epochs 6 --save_epoch_freq 1 --keep_states {count}", folder, 0)
    states = sorted((folder / "ck/new").glob("*_state*.pth"))
    assert len(states) == count
    epochs = [torch.load(path, weights_only=True)["progress"]["epoch"] for path in states]
    assert epochs == [*range(6, 7 - count, -1), 7][-count:] if count > 1 else epochs == [7]


@pytest.mark.parametrize("content", ["{", "[1]", "null", '{"ngf": 8.5}', '{"ngf": [8]}', '{"ngf": null}',
                                     '{"ngf": 1000000000}', '{"preprocess": 7}', '{"netG": "x"}', '{"model": 3}',
                                     '{"direction": [1]}', '{"load_size": NaN}', '{"gray_range": [1]}', '"a"',
                                     '{"no_dropout": 2}', '{"ngf": true}', ""])  # fmt: skip
def test_a_damaged_record_ends_in_one_line(folder, content):
    (folder / "ck/run/train_opt.json").write_text(content)
    code = 2 if ":" in content else 1
    command = "test.py --dataroot set --checkpoints_dir ck --name run --gpu_ids -1"
    done = ends(command, folder, code)
    assert done.stderr.count("\n") == 1 and "train_opt.json" in done.stderr
    ends(GO_ON, folder, 0, "continuing at epoch 3")  # which the record does not matter for: the state has its own
