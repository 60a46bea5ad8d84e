"""scripts/paper/plot_curves.py on records of two runs."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers.launch import call, refusal


def test_plot_curves_draws_two_runs_and_the_style(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from scripts.paper.plot_curves import main

    for run, slope in (("one", 1), ("two", -1)):
        rest = {"epoch": 1, "epoch_iter": 1, "losses": {"G": 1.0}, "learning_rate": 1e-3, "times": {"iteration": 0.1}}
        colors = [{"spread_a": 5 + n * slope / 9, "style_spread_a": 7.0} for n in range(20)]
        records = [{"epochs": n / 4, "colors": colors[n], **rest} for n in range(1, 20)]
        (tmp_path / run).mkdir()
        (tmp_path / run / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    call(main, f"{tmp_path}/one {tmp_path}/two --out {tmp_path}/new/curves.png --only spread_a")
    pixels = np.asarray(Image.open(tmp_path / "new/curves.png").convert("RGB")).reshape(-1, 3).astype(int)
    orange = np.abs(pixels - (0xD9, 0x5F, 0x02)).sum(1) < 60
    assert orange.sum() > 200 and (pixels.sum(1) < 60).sum() > 200
    message = refusal(main, f"{tmp_path}/three --out {tmp_path}/x.png", code=1)
    assert message == f"error: {tmp_path}/three has no metrics.jsonl with records\n"
    assert "--only nothing: expected some of " in refusal(main, f"{tmp_path}/one --out x.png --only nothing")
