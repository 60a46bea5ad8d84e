"""Training runs of a few milliseconds a step, as processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from util.checkpoint import load

ROOT = Path(__file__).parents[1]
SMALL = [
    *("--gpu_ids", "-1", "--ngf", "4", "--ndf", "4", "--netG", "resnet_4blocks", "--crop_size", "32"),
    *("--netF_nc", "8", "--num_patches", "16", "--nce_layers", "0,4,8,12", "--num_threads", "0", "--seed", "1"),
]
COLORCUT = [*SMALL, "--model", "colorcut"]


def start(*flags: object, **environment: str) -> subprocess.Popen:
    """Start train.py with these flags on one thread; stdout and stderr are pipes with text."""
    command = [sys.executable, "-u", "train.py", *map(str, flags)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def train(*flags: object, **environment: str) -> subprocess.CompletedProcess:
    """Run train.py to its end."""
    with start(*flags, **environment) as process:
        stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def weights_are_equal(one: Path, other: Path, name: str) -> bool:
    """Tell whether two runs saved the same networks under a name: G, F and D."""
    pairs = [[load(folder / f"{name}_net_{net}.pth") for folder in (one, other)] for net in "GFD"]
    return all(torch.equal(a[key], b[key]) for a, b in pairs for key in a)
