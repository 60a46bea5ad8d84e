"""Losses, gradients and ten steps beside CUT's own: rows of scripts.proof.compare_with_upstream."""

import re

import pytest

from tests.helpers.launch import output_of


@pytest.mark.slow
def test_losses_gradients_and_steps_are_those_of_cut(upstream):
    """A part of the table; docs/upstream.md has all of it."""
    script = "-m scripts.proof.compare_with_upstream"
    table = output_of([*script.split(), "--upstream", upstream.root, "--cases", "CUT, n"])
    titles, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    names = ["CUT, no antialias"] * 2 + ["CUT, nonsaturating"] * 2 + ["CUT, negatives of the batch"]
    assert [row[0] for row in rows] == names
    for row in rows:
        for title, cell in zip(titles[3:-1], row[3:-1], strict=True):
            limit = 1e-6 if title == "weights" else 1e-10 if "float64" in title else 1e-4
            largest, median = re.fullmatch(r"(\S+)(?: \(median (\S+)\))?", cell).groups()
            # In float32 a ReLU may round to the other side of 0, which shows in a single draw.
            typical = median if median and "float32" in title else largest
            assert float(typical) <= limit, (row[0], title, cell)
