"""Losses, gradients and ten steps beside upstream's own: the rows of scripts/compare_with_upstream.py."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_losses_gradients_and_steps_are_upstream_s(upstream):
    """A part of the table; docs/upstream.md has it whole."""
    command = [sys.executable, "scripts/compare_with_upstream.py", "--upstream", upstream.root, "--cases", "CUT, n"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    titles, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["CUT, no antialias"] * 2 + ["CUT, nonsaturating"] * 2 + [
        "CUT, negatives of the batch"
    ]
    for row in rows:
        for title, cell in zip(titles[3:-1], row[3:-1], strict=True):
            limit = 1e-6 if title == "weights" else 1e-10 if "float64" in title else 1e-4
            most, median = re.fullmatch(r"(\S+)(?: \(median (\S+)\))?", cell).groups()
            # In float32 a ReLU may round to the other side of 0, which shows in a single draw.
            typical = median if median and "float32" in title else most
            assert float(typical) <= limit, (row[0], title, cell)
