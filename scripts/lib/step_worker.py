"""Build a model and take training steps with it on demand: step_worker.py FLAG OF train.py...

Each line of stdin, `step`, `count` or `memory`, is answered with a line of JSON. timing.py is the other end.
"""

import io
import json
import runpy
import sys
import time
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from data import create_dataset
from scripts.lib.checkout import build, random_batch
from scripts.lib.processes import ROOT


def main() -> None:
    """Build the model, then answer."""
    answers, sys.stdout = sys.stdout, io.StringIO()  # what a model prints must not pass for an answer
    model, opt = build(sys.argv[1:])
    if hasattr(model, "parallelize"):
        model.parallelize()
    is_random = opt.dataroot == "none"
    batch = random_batch(opt.batch_size, opt.crop_size) if is_random else next(iter(create_dataset(opt)))
    # By its path: a CUT checkout has another package called util.
    peak_memory = runpy.run_path(str(ROOT / "util/memory.py"))["peak_memory"]
    actions = {"step": step, "count": count, "memory": lambda model, _: peak_memory(model.device)}
    for line in sys.stdin:
        print(json.dumps(actions[line.strip()](model, batch)), file=answers, flush=True)


def step(model: Any, batch: dict) -> float:
    """Take a training step, wait until the device has taken it, and return its seconds."""
    started = time.perf_counter()
    model.set_input(batch)
    model.optimize_parameters()
    if torch.device(model.device).type != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter() - started


def count(model: Any, batch: dict) -> tuple[float, float]:
    """Return the floating-point operations of a step, and the bytes that its operations read and write.

    Operations are convolutions and matrix products, by torch's counter. Bytes are counted as if all went to memory.
    Both are the mean of a flipped iteration and another, which differ in FastCUT: it flips if the first number that a
    step draws is below a half, as with seed 0 and not with seed 1.
    """
    step(model, batch)  # which creates Adam's moments
    with FlopCounterMode(display=False) as operations, _ByteCounter() as traffic:
        for seed in (0, 1):
            torch.manual_seed(seed)
            step(model, batch)
    return operations.get_total_flops() / 2, traffic.bytes / 2


class _ByteCounter(TorchDispatchMode):
    """Adds up the sizes of each operation's arguments and results; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return out


if __name__ == "__main__":
    main()
