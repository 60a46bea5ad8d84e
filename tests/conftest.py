"""Fixtures that several tests share."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same numbers whenever and in whatever order it runs."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the checkout without what was left in it, to be changed and to leave runs in."""
    names = (".*", "__pycache__", "datasets", "checkpoints", "results", "figures", "build", "*.egg-info")
    shutil.copytree(ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns(*names))
    return tmp_path / "tree"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A data root with 4 random pictures of 40x48 in each of trainA, trainB, testA, testB."""
    random = np.random.default_rng(0)
    for folder in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / folder / f"{number}.png")
    return tmp_path / "set"
