"""A name belongs to one run: nothing is overwritten without being asked for, and two processes never share a folder."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.base_model import BaseModel
from tests.faults.case import CONTINUE, NEW, TEST, TRAIN, ends, snapshot
from tests.helpers.build import same_checkpoints
from tests.helpers.forks import Fork, Outcome, outcome_of
from tests.helpers.images import make_dataroot, noise, save
from util.checkpoint import load
from util.run.run_record import RunRecord
from util.run.saver import Saver
from util.run.state import StateFiles

AGAIN = f"{TRAIN} --name run --n_epochs 2 --save_epoch_freq 1"
OTHER = {  # commands that name a folder with a run, and do not say that it is to be replaced
    "the same command": AGAIN,
    "fewer epochs": f"{TRAIN} --name run --n_epochs 1",
    "another model": f"{TRAIN.replace('--model colorcut', '--model cut')} --name run",
    "another data set": f"{TRAIN.replace('--dataroot set', '--dataroot other')} --name run",
    "another path to the folder": f"{TRAIN} --name ./run",
    "a name with a suffix": f"{TRAIN} --name ru --suffix n --n_epochs 1",
    "the networks alone are left": AGAIN,
    "one state alone is left": AGAIN,
    "best networks alone are left": AGAIN,
}


@pytest.mark.parametrize("name", OTHER)
def test_train_leaves_a_run_alone_that_it_was_not_told_to_replace(folder, name):
    make_dataroot(folder / "other", "trainA", "trainB")
    run = folder / "ck/run"
    if "suffix" in name:
        run.rename(folder / "ck/ru_n")
    keep = {"networks": "latest_net", "one state": "earlier_state", "best": "best_net"}
    for start, prefix in keep.items():
        if name.startswith(start):
            if prefix == "best_net":
                (run / "latest_net_G.pth").rename(run / "best_net_G.pth")
            for path in run.glob("*.pth"):
                if not path.name.startswith(prefix):
                    path.unlink()
    before = snapshot(folder)
    done = ends(OTHER[name], folder, 2, "has a run, last saved 20")
    assert "--continue_train continues it, --overwrite deletes it" in done.stderr and snapshot(folder) == before


def test_a_run_of_cut_is_left_alone_too(folder):
    for path in (folder / "ck/run").iterdir():
        if not path.name.endswith("_net_G.pth"):
            path.unlink()
    ends(AGAIN, folder, 2, "has a run")


def test_a_folder_without_a_save_is_no_run(folder):
    """A run that was killed before its first save has left logs, and they are in nobody's way."""
    for path in (folder / "ck/run").glob("*.pth"):
        path.unlink()
    (folder / "ck/run/mine.txt").write_text("a user's")
    ends(AGAIN, folder, 0)
    assert (folder / "ck/run/mine.txt").read_text() == "a user's"


def test_overwrite_replaces_the_run_and_nothing_else(folder):
    (folder / "ck/run/mine.txt").write_text("a user's")
    ends(f"{TRAIN} --name run --n_epochs 1 --ngf 8 --overwrite", folder, 0)
    left = {path.name for path in (folder / "ck/run").glob("*.pth")}
    nets = {f"{label}_net_{net}.pth" for label in ("1", "latest") for net in "DFG"}
    assert left == nets | {"latest_state.pth", "earlier_state_1.pth"}
    assert json.loads((folder / "ck/run/train_opt.json").read_text())["ngf"] == 8
    assert (folder / "ck/run/mine.txt").read_text() == "a user's"
    ends(TEST, folder, 0, "2 images")
    ends(f"{CONTINUE} --n_epochs 2", folder, 0, "continuing at epoch 2")


def die_before(owner: type, name: str) -> Callable[[], None]:
    """Return a function that lets the process be killed when it calls this."""
    return lambda: setattr(owner, name, lambda *arguments, **keywords: os.kill(os.getpid(), signal.SIGKILL))


OVERWRITE = f"{TRAIN} --name run --n_epochs 1 --ngf 8 --overwrite"


def test_overwrite_that_is_killed_before_its_first_state_leaves_the_old_run(folder):
    before = snapshot(folder)
    assert outcome_of(OVERWRITE, folder, die_before(StateFiles, "write")).code == -signal.SIGKILL
    assert snapshot(folder) == before


@pytest.mark.parametrize(("owner", "name", "networks"), [
    (Saver, "_remove_networks", True), (RunRecord, "write", False), (BaseModel, "set_input", False),
])  # fmt: skip
def test_overwrite_that_is_killed_later_leaves_the_new_run(folder, owner, name, networks):
    """test.py has the old networks with their options, or none."""
    assert outcome_of(OVERWRITE, folder, die_before(owner, name)).code == -signal.SIGKILL
    ends(TEST, folder, 0 if networks else 1, "2 images" if networks else "no checkpoint")
    ends(f"{CONTINUE} --n_epochs 1", folder, 0, "continuing at epoch 1, image 0")
    assert json.loads((folder / "ck/run/train_opt.json").read_text())["ngf"] == 8


def test_overwrite_and_a_damaged_state_later_keep_the_networks(folder):
    ends(OVERWRITE, folder, 0)
    before = {path.name for path in (folder / "ck/run").glob("*_net_*.pth")}
    (folder / "ck/run/latest_state.pth").write_bytes(b"")
    done = outcome_of(f"{CONTINUE} --n_epochs 1", folder, die_before(BaseModel, "set_input"))
    assert "continuing from earlier_state_1.pth" in done.stderr
    assert {path.name for path in (folder / "ck/run").glob("*_net_*.pth")} == before


def test_a_restart_that_is_killed_before_its_first_save_changes_no_record(folder):
    before = snapshot(folder / "ck/run")
    fork = Fork(f"{CONTINUE} --n_epochs 500 --lr 0.01 --save_epoch_freq 1000", folder)
    fork.wait_for("end of epoch 3")
    fork.kill()
    after = snapshot(folder / "ck/run")
    assert {name for name in before if before[name] != after.get(name)} <= {"metrics.jsonl", "loss_log.txt"}
    ends(TEST, folder, 0, "2 images")
    ends(f"{CONTINUE} --n_epochs 3", folder, 0, "continuing at epoch 3, image 0")
    state = load(folder / "ck/run/latest_state.pth")
    assert state["options"]["lr"] == 0.0002


@pytest.mark.parametrize("command", [f"{TRAIN} --name new --n_epochs 2000", f"{CONTINUE} --n_epochs 2000"])
def test_a_second_process_is_kept_out_until_the_first_one_has_ended(folder, command):
    first = Fork(command, folder)
    first.wait_for("end of epoch")
    (folder / "second").mkdir()
    away = command.replace(" ck ", " ../ck ").replace(" set ", " ../set ").replace("--continue_train", "")
    for flag in ("--overwrite --dataroot ../set", "--continue_train"):
        second = Fork(f"{away} {flag}", folder / "second").wait()
        assert second.code == 1 and f"is being trained by process {first.pid} on " in second.stderr, second
    first.kill()  # the system releases the lock
    ends(NEW if "new" in command else f"{CONTINUE} --n_epochs 3", folder, 0)


def test_the_lock_of_a_killed_run_is_free_although_its_loading_processes_live_on(folder):
    first = Fork(f"{TRAIN} --name new --n_epochs 2000 --num_threads 2 --cache off", folder, name="_first")
    first.wait_for("end of epoch 1")
    os.kill(first.pid, signal.SIGKILL)  # its workers notice after seconds, and say so
    os.waitpid(first.pid, 0)
    ends(NEW, folder, 0)


def test_processes_that_start_together_train_once(folder):
    forks = []
    for number in range(4):
        (folder / f"at{number}").mkdir()
        command = NEW.replace("--dataroot set --checkpoints_dir ck", "--dataroot ../set --checkpoints_dir ../ck")
        forks.append(Fork(command, folder / f"at{number}"))
    outcomes: list[Outcome] = [fork.wait() for fork in forks]
    assert sorted(done.code for done in outcomes) in ([0, 1, 1, 1], [0, 1, 1, 2], [0, 1, 2, 2], [0, 2, 2, 2])
    assert all("is being trained by" in done.stderr or "has a run" in done.stderr for done in outcomes if done.code)
    ends(f"{TRAIN} --name alone --n_epochs 1", folder, 0)
    assert same_checkpoints(folder / "ck/new", folder / "ck/alone")


# ---- results -------------------------------------------------------------------------------------------------------


def test_results_of_another_folder_and_files_of_a_user_stay(folder):
    ends(TEST, folder, 0, "2 images")
    results = folder / "results/run/test_latest"
    (results / "images/mine.png").write_bytes(b"a user's")
    (results / "notes.txt").write_text("a user's")
    before = snapshot(results)
    make_dataroot(folder / "other", "testA", images=[noise(40, 48, 9)])
    other = TEST.replace("--dataroot set", "--dataroot other")
    ends(other, folder, 1, f"has the results of {folder.resolve() / 'set'}")
    assert snapshot(results) == before
    ends(f"{other} --results_dir elsewhere", folder, 0, "1 images")
    assert snapshot(results) == before
    # The same folder again, with fewer images: only what we had written goes.
    (folder / "set/testA/1.png").unlink()
    ends(TEST, folder, 0, "1 images")
    after = snapshot(results)
    gone = {"images/fake_B/1.png", "images/real_A/1.png"}
    assert before.keys() - after.keys() == gone and after["notes.txt"] == before["notes.txt"]


@pytest.mark.parametrize("left", ["images/fake_B/0.png", "index.html", "results.json"])
def test_results_are_not_written_over_files_of_somebody_else(folder, left):
    path = folder / "results/run/test_latest" / left
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    before = snapshot(folder)
    ends(TEST, folder, 1, "has files that do not belong to results of this --dataroot")
    assert snapshot(folder) == before


@pytest.mark.parametrize("file", ["../../../ck/run/latest_net_G.pth", "/etc/hostname", "../x", "images/../../y"])
def test_results_remove_nothing_outside_of_their_folder(folder, file):
    """Whatever their list says."""
    ends(TEST, folder, 0)
    path = folder / "results/run/test_latest/results.json"
    listed = json.loads(path.read_text())
    path.write_text(json.dumps({**listed, "files": [*listed["files"], file]}))
    target = (path.parent / file).resolve()
    target.exists() or target.write_text("not ours")
    ends(TEST, folder, 0, "2 images")
    assert target.exists()


def test_evaluations_of_two_folders_do_not_mix(folder):
    evaluate = "evaluate.py --checkpoints_dir ck --names run --gpu_ids -1 --draws 10"
    ends(f"{evaluate} --dataroot set", folder, 0)
    make_dataroot(folder / "other", "trainA", "trainB", "testA", "testB")
    before = snapshot(folder)
    ends(f"{evaluate} --dataroot other", folder, 1, "has the results of")
    assert snapshot(folder) == before


def test_unfinished_files_of_a_killed_run_are_removed_and_others_stay(folder):
    run = folder / "ck/run"
    (run / "latest_state.pth.saving").write_bytes(b"half")
    (run / "latest_net_G.pth.saving").write_bytes(b"half")
    (run / "mine.tmp").write_text("a user's")
    ends(f"{CONTINUE} --n_epochs 3", folder, 0)
    assert not list(run.glob("*.saving")) and (run / "mine.tmp").exists()


def test_the_time_of_the_last_save_is_in_the_message(folder):
    saved = time.localtime((folder / "ck/run/latest_state.pth").stat().st_mtime)
    assert time.strftime("%Y-%m-%d", saved) in ends(AGAIN, folder, 2).stderr


def test_a_dry_run_of_a_trained_name_is_allowed_and_writes_nothing(folder):
    before = snapshot(folder)
    ends(f"{AGAIN} --dry_run", folder, 0, "images an epoch")
    assert snapshot(folder) == before


def test_a_name_with_a_folder_inside_is_a_run_of_its_own(folder):
    ends(f"{TRAIN} --name deep/run --n_epochs 1", folder, 0)
    assert (folder / "ck/deep/run/latest_net_G.pth").is_file()
    save(noise(8, 8), Path(folder / "x.png"))
    ends(f"{TRAIN} --name deep/run --n_epochs 1", folder, 2, "has a run")
