"""Distances of colors, by hand."""

import numpy as np
import pytest

from util.color_metrics import ab_distance, ab_error, ab_of, subsample


def test_ab_error_by_hand():
    truth = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert ab_error(truth, np.zeros((1, 2))) == 2.5 and ab_error(truth, truth) == 0


def test_ab_distance_of_a_shift_is_its_mean_projection():
    colors = np.random.default_rng(0).normal(size=(500, 2)) * 20
    assert ab_distance(colors, colors[::-1]) == pytest.approx(0, abs=1e-12)
    for shift in ([10.0, 0.0], [6.0, 8.0]):
        assert ab_distance(colors, colors + shift) == pytest.approx(2 * 10 / np.pi, rel=2e-3)


def test_ab_of_known_colors():
    image = np.array([[[255, 0, 0], [128, 128, 128]]], np.uint8)
    assert ab_of(image) == pytest.approx(np.array([[80.09, 67.20], [0, 0]]), abs=0.02)


def test_subsample_draws_from_the_whole_image():
    width = 512
    columns = np.tile(np.arange(width), 512)[:, None].repeat(2, 1).astype(float)
    drawn = subsample(columns)
    assert len(drawn) == 4096 and len(np.unique(drawn)) > 500 and (drawn == subsample(columns)).all()
    assert drawn.mean() == pytest.approx(width / 2, rel=0.05) and len(subsample(columns[:10])) == 4096
