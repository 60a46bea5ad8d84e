"""A run that is killed, at any instant and at each operation of a save, continues as if it had not been.

`python -m tests.faults.test_kills 100` kills a hundred runs of each kind; the suite kills some.
"""

import builtins
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_leaves

from tests.faults.case import TRAIN
from tests.helpers.build import same_checkpoints
from tests.helpers.flags import COLORCUT, MODELS
from tests.helpers.forks import Fork, Outcome, start_processes
from tests.helpers.images import make_dataroot, noise
from util.report import metrics_log

CYCLE_GAN = TRAIN.replace(COLORCUT, f"{MODELS['CycleGAN']} --pool_size 3")
LOOP = "--print_freq 2 --n_epochs 3 --save_latest_freq 2 --save_epoch_freq 1 --name run"
KINDS = {  # what is trained, and on how many processes
    "ColorCUT": (f"{TRAIN} {LOOP}", 1), "accumulate": (f"{TRAIN} {LOOP} --accumulate 2", 1),
    "CycleGAN": (f"{CYCLE_GAN} {LOOP}", 1), "AMP": (f"{TRAIN} {LOOP} --ema 0.9", 1),
    "two processes": (f"{TRAIN} {LOOP}", 2),
}  # fmt: skip


def amp() -> None:
    """Compute in bf16 on the CPU, which the flags refuse because it is slow."""
    from options import train_options

    resolve = train_options.acceleration.resolve_acceleration

    def with_amp(opt: object) -> list[str]:
        messages = resolve(opt)
        opt.acceleration.amp = "bf16"
        return messages

    train_options.acceleration.resolve_acceleration = with_amp


def kill_at(operation: int) -> Callable[[], None]:
    """Return a function that lets the process die at this operation of its saves, counted from 0."""

    def prepare() -> None:
        count = [0]

        def wrap(owner: object, name: str) -> None:
            original = getattr(owner, name)

            def counting(*arguments: object, **keywords: object) -> object:
                path = arguments[0] if arguments else ""
                is_ours = (isinstance(path, (str, Path)) and ".pth" in str(path)) or name == "fsync"
                if is_ours:
                    if count[0] == operation:
                        os.kill(os.getpid(), signal.SIGKILL)
                    count[0] += 1
                return original(*arguments, **keywords)

            setattr(owner, name, counting)

        wrap(builtins, "open")
        for name in ("fsync", "replace", "link", "unlink"):
            wrap(os, name)

    return prepare


def start(kind: str, folder: Path, more: str = "", kill: Callable[[], None] = lambda: None) -> list[Fork]:
    """Start the processes of a training. Args: kill: is called in the first before it begins."""
    command, processes = KINDS[kind]

    def prepare(rank: int) -> None:
        if kind == "AMP":
            amp()
        if rank == 0:
            kill()

    return start_processes(f"{command} {more}", folder, processes, prepare)


def finish(forks: list[Fork]) -> list[Outcome]:
    return [fork.wait(180) for fork in forks]


def reference(kind: str, folder: Path) -> Path:
    """Train without a kill; return the folder of the run."""
    images = [noise(40, 48, seed) for seed in range(4)]
    make_dataroot(folder / "set", "trainA", "trainB", images=images)
    done = finish(start(kind, folder))
    assert all(one.code == 0 for one in done), done
    return folder / "ck/run"


def check_kill(kind: str, folder: Path, whole: Path, operation: int | None = None, seconds: float = 0.0) -> bool:
    """Kill a run at an operation of its saves or after a time, continue it to its end, and compare.

    Returns:
        False if it had ended before.
    """
    forks = start(kind, folder) if operation is None else start(kind, folder, kill=kill_at(operation))
    if seconds:
        time.sleep(seconds)
        for fork in forks:
            fork.kill()
    killed = any(one.code == -signal.SIGKILL for one in finish(forks))
    saved = list((folder / "ck/run").glob("*.pth")) if (folder / "ck/run").is_dir() else []
    again = finish(start(kind, folder, "--continue_train" if saved else ""))
    assert all(one.code == 0 and "Traceback" not in one.stderr for one in again), again
    assert same_checkpoints(folder / "ck/run", whole) and same_checkpoints(folder / "ck/run", whole, "3")
    states = [torch.load(path / "latest_state.pth", weights_only=True) for path in (folder / "ck/run", whole)]
    leaves = [tree_leaves({**state, "options": None}) for state in states]
    pairs = zip(*leaves, strict=True)
    assert all(torch.equal(a, b) if torch.is_tensor(a) else a == b or a != a for a, b in pairs)
    assert not list((folder / "ck/run").glob("*.saving"))
    logs = [metrics_log.read(path / "metrics.jsonl") for path in (folder / "ck/run", whole)]
    points = [[(one["epoch"], one["epoch_iter"], one["iteration"], one["losses"]) for one in log] for log in logs]
    assert points[0] == points[1]  # each of them once
    return killed


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_continues_as_if_it_had_not_been(trained, tmp_path, kind):
    (tmp_path / "whole").mkdir()
    whole = reference(kind, tmp_path / "whole")
    operations = {"ColorCUT": [0, 7, 14]}.get(kind, [11])
    killed = 0
    for number in operations:
        folder = tmp_path / f"at{number}"
        folder.mkdir()
        shutil.copytree(tmp_path / "whole/set", folder / "set")
        killed += check_kill(kind, folder, whole, operation=number)
    assert killed == len(operations)


def torture(kind: str, count: int) -> None:
    """Kill a kind of run so many times, half of them at one operation after the other, half at random instants."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "whole").mkdir()
        began = time.monotonic()
        whole = reference(kind, folder / "whole")
        duration = time.monotonic() - began
        killed = 0
        for number in range(count):
            place = folder / str(number)
            place.mkdir()
            shutil.copytree(folder / "whole/set", place / "set")
            if number % 2:
                killed += check_kill(kind, place, whole, seconds=random.uniform(0.05, duration))
            else:
                killed += check_kill(kind, place, whole, operation=number // 2)
            shutil.rmtree(place)
        print(f"{kind}: {killed} of {count} runs were killed, and all ended bit for bit as if they had not been")


if __name__ == "__main__":
    for each in KINDS:
        torture(each, int(sys.argv[1]))
