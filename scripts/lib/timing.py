"""What training steps cost: time, FLOPs, bytes and peak memory, each model in a process of its own.

The models take a step each in turn, so that whatever slows the machine for a while slows all of them.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from scripts.lib.processes import ROOT, environment
from util.errors import UserError


@dataclass
class Model:
    """What to measure: flags of train.py, their batch size, and the checkout that they are for."""

    flags: list[str]
    batch_size: int
    root: Path = ROOT
    warmup: int = 1  # steps before the first round
    counted: bool = True  # whether FLOPs and bytes are counted


def measure(
    models: dict[Any, Model], rounds: int, memory_runs: int = 1, after_round: Callable[[], object] = lambda: None
) -> dict[Any, dict]:
    """Return a record of the cost of each model, with its peak memory as the median of `memory_runs` processes.

    Hours are those of the paper's 30 epochs of 6000 images. A UserError is raised if the process of a model ends.
    """
    # Before all others: a process inherits the peak of the process that starts it.
    peaks = {key: median(measure_memory(model) for _ in range(memory_runs)) for key, model in models.items()}
    with ExitStack() as stack:
        ask = {key: stack.enter_context(started(model)) for key, model in models.items()}
        counts = {key: ask[key]("count") if model.counted else (0, 0) for key, model in models.items()}
        for key, model in models.items():
            for _ in range(model.warmup):
                ask[key]("step")
        seconds = {key: [] for key in models}
        for number in tqdm(range(rounds), "rounds", disable=None):
            for key in list(models)[:: 1 if number % 2 else -1]:
                seconds[key].append(ask[key]("step"))
            after_round()
    records = {}
    for key, model in models.items():
        middle, (flops, moved) = median(seconds[key]), counts[key]
        records[key] = {
            "seconds": seconds[key],
            "median_s": middle,
            "min_s": min(seconds[key]),
            "max_s": max(seconds[key]),
            "gflop": flops / 1e9,
            "gb_moved": moved / 1e9,
            "peak_memory_mib": peaks[key] / 2**20,
            "hours_30_epochs_of_6000": middle * 30 * 6000 / model.batch_size / 3600,
        }
    return records


def median_ratio(record: dict, other: dict | None) -> float | None:
    """Return the median over rounds of the ratio within a round; None if there is no other record."""
    return median(a / b for a, b in zip(record["seconds"], other["seconds"], strict=True)) if other else None


def measure_memory(model: Model) -> int:
    """Return the bytes that a new process takes at most to build the model and for three steps."""
    with started(model) as ask:
        for _ in range(3):
            ask("step")
        return ask("memory")


@contextmanager
def started(model: Model) -> Iterator[Callable[[str], Any]]:
    """Start a process of step_worker.py; yield a function that returns its answer to `step`, `count` or `memory`."""
    command = [sys.executable, "-W", "ignore", Path(__file__).with_name("step_worker.py"), *model.flags]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(model.root), **pipes) as process:

        def ask(question: str) -> Any:
            with suppress(BrokenPipeError):
                print(question, file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                raise UserError(f"{model.root.name}, {' '.join(model.flags)}: its process ended, see above")
            return json.loads(answer)

        yield ask


def describe_machine(device: torch.device) -> str:
    """Return what was computed on, for the note of a figure."""
    names = {"cpu": f"the CPU (threads: {torch.get_num_threads()})"}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else names.get(device.type, device.type.upper())
    return f"{name}, torch {torch.__version__}"
