"""Fixtures that several tests share."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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
