"""Metrics of sets against scipy and numpy, and what their intervals cover."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from util.evaluation.bootstrap import (
    Correlation,
    Mean,
    SlicedDistance,
    SpreadBetween,
    estimate,
    random_directions,
    spread_directions,
)

ONCE = np.ones((1, 3))


@pytest.mark.parametrize("dimensions", [2, 75])
def test_sliced_distance_is_the_mean_of_scipys_distances(dimensions):
    random = np.random.default_rng(1)
    directions = spread_directions(32) if dimensions == 2 else random_directions(75, 64)
    reference = random.normal(size=(5000, dimensions)) * 15
    sets = [random.normal(shift, scale, (400, dimensions)) for shift, scale in ((0, 5), (4, 20), (-9, 15))]
    distance = SlicedDistance(reference, directions)
    statistic = distance.statistic([distance.counts(points) for points in sets], 400)
    union = np.concatenate(sets) @ directions
    slices = zip((reference @ directions).T, union.T, strict=True)
    assert statistic(ONCE)[0] == pytest.approx(np.mean([wasserstein_distance(a, b) for a, b in slices]), rel=0.01)


def test_sliced_distance_of_a_shift_is_its_mean_projection():
    colors = np.random.default_rng(0).normal(size=(4096, 2)) * 20
    distance = SlicedDistance(colors, spread_directions(32))

    def of(points):
        return distance.statistic([distance.counts(points)], 4096)(np.ones((1, 1)))[0]

    assert of(colors[::-1]) == 0
    for shift in ([10.0, 0.0], [6.0, 8.0]):
        assert of(colors + shift) == pytest.approx(2 * 10 / np.pi, rel=5e-3)


@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_sliced_distance_is_right_far_outside_of_the_reference(spread):
    """A style of one tone, or of nearly one."""
    random = np.random.default_rng(1)
    reference, directions = random.normal((5, 20), spread, (2000, 2)), spread_directions(8)
    distance = SlicedDistance(reference, directions)
    for colors in (random.normal((-40, -40), 20, (300, 2)), random.normal((4, 15), 6, (300, 2))):
        found = distance.statistic([distance.counts(colors)], 300)(np.ones((1, 1)))[0]
        slices = zip((reference @ directions).T, (colors @ directions).T, strict=True)
        assert found == pytest.approx(np.mean([wasserstein_distance(a, b) for a, b in slices]), rel=0.01)


def test_weights_say_how_often_an_image_counts():
    random = np.random.default_rng(2)
    images, weights = [random.normal(k, 1 + k, (50, 2)) for k in range(3)], np.array([[2.0, 0.0, 1.0]])
    repeated = [images[0], images[0], images[2]]
    distance = SlicedDistance(random.normal(size=(500, 2)), spread_directions(8))
    counts, repeated_counts = ([distance.counts(points) for points in sets] for sets in (images, repeated))
    assert distance.statistic(counts, 50)(weights) == pytest.approx(distance.statistic(repeated_counts, 50)(ONCE))
    means, repeated_means = (np.stack([points.mean(0) for points in sets]) for sets in (images, repeated))
    assert SpreadBetween(means)(weights) == pytest.approx(repeated_means.std(0).mean())
    assert Mean(means[:, 0])(weights) == pytest.approx(repeated_means[:, 0].mean())


def test_correlation_is_numpys_over_all_pixels():
    random = np.random.default_rng(3)
    truths = [random.normal(0, 20, (4 + k, 5, 3)) for k in range(3)]
    images = [0.4 * truth + random.normal(3, 10, truth.shape) for truth in truths]
    sums = np.stack([Correlation.sums_of(*pair) for pair in zip(images, truths, strict=True)])
    x, y = (np.concatenate([image[..., 1:].reshape(-1, 2) for image in of]) for of in (images, truths))
    assert Correlation(sums)(ONCE) == pytest.approx(np.mean([np.corrcoef(x[:, c], y[:, c])[0, 1] for c in (0, 1)]))
    flat = np.stack([Correlation.sums_of(np.full_like(truth, 3.3), truth) for truth in truths])
    assert Correlation(flat)(ONCE) == 0


def test_interval_of_a_mean_is_the_textbooks():
    values = np.random.default_rng(4).normal(10, 3, 200)
    found = estimate([Mean(values)], 200, draws=4000)
    half = 1.96 * values.std() / np.sqrt(200)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.05)
    none = estimate([Mean(values)], 200, draws=0)
    assert none.low == none.value == none.high


def test_intervals_hold_the_value_where_images_are_of_the_style():
    """Plain percentiles lie above it, because a resampled set has fewer different images."""
    random = np.random.default_rng(6)
    images = [random.normal(0, 8, (100, 2)) + random.normal(0, 6, 2) for _ in range(400)]
    distance = SlicedDistance(np.concatenate(images), spread_directions(16))
    statistic = distance.statistic([distance.counts(points) for points in images[:30]], 100)
    found = estimate([statistic], 30, draws=200)
    weights = random.multinomial(30, np.full(30, 1 / 30), size=200).astype(float)
    assert found.low < found.value < found.high
    assert np.percentile(statistic(weights), 20) > found.value


def test_intervals_cover_the_distance_of_a_population_that_is_far_from_the_style():
    random = np.random.default_rng(5)
    reference = random.normal(size=(20_000, 2)) * 10
    distance = SlicedDistance(reference, spread_directions(16))

    def sample(count):
        """Images whose mean colors differ; the population is farther from the reference by a shift."""
        return [random.normal(5, 8, (100, 2)) + random.normal(0, 6, 2) for _ in range(count)]

    def statistic(images):
        return distance.statistic([distance.counts(points) for points in images], 100)

    truth = statistic(sample(3000))(np.ones((1, 3000)))[0]
    intervals = [estimate([statistic(sample(30))], 30, draws=200) for _ in range(100)]
    assert sum(found.low <= truth <= found.high for found in intervals) >= 85


def test_runs_are_resampled_too():
    """Two runs that agree on nothing but differ on each image alike: only the choice of runs varies."""
    runs = [Mean(np.full(20, 1.0)), Mean(np.full(20, 3.0))]
    found = estimate(runs, 20, draws=1000)
    assert found.value == 2 and found.low < 1.5 and found.high > 2.5
