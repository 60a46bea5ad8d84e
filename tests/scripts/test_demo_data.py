"""The data set of the demo: grey sources, and held-out blocks of the style that nobody trains on."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from skimage.io import imread

ROOT = Path(__file__).parents[2]


def test_blocks_cover_the_style_once_and_sources_are_grey(tmp_path):
    subprocess.run([sys.executable, "scripts/make_demo_data.py", tmp_path], cwd=ROOT, check=True)
    train, test = (sorted((tmp_path / folder).iterdir()) for folder in ("trainB", "testB"))
    assert (len(train), len(test)) == (18, 6) and not {p.name for p in train} & {p.name for p in test}
    whole = np.zeros((288, 432, 3), np.uint8)
    for path in train + test:
        top, left = map(int, path.stem.split("_")[1:])
        whole[top : top + 72, left : left + 72] = imread(path)
    coffee = Image.fromarray(data.coffee()).resize((432, 288), Image.Resampling.LANCZOS)
    assert (whole == np.asarray(coffee)).all()
    for folder in ("trainA", "testA"):
        assert {imread(path).ndim for path in (tmp_path / folder).iterdir()} == {2}
    assert {path.stem for path in (tmp_path / "testA").iterdir()} == {"tissue", "motorcycle"}
