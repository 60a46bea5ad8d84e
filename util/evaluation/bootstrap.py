"""Metrics of a set of images, as functions of how often each image counts, and their bootstrap intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

# From weights (draws, n), how often each of n images counts in each draw, to figures (draws,).
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass
class Mean:
    """The mean of a figure of each image, (n,)."""

    values: np.ndarray

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        return weights @ self.values / weights.sum(1)


@dataclass
class SpreadBetween:
    """The standard deviation over images of their mean colors (n, 2), averaged over a and b."""

    means: np.ndarray

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        share = weights / weights.sum(1, keepdims=True)
        variance = share @ self.means**2 - (share @ self.means) ** 2
        return np.sqrt(variance.clip(0)).mean(1)


@dataclass
class Correlation:
    """Pearson's correlation with the true values over all pixels of all images, averaged over a and b.

    It is 0 where the values are constant: conversion to Lab leaves gray a variance of about 1e-5.

    `sums` (n, 2, 6): for each image, for a and for b: the number of pixels, and the sums of x, y, x^2, y^2 and xy.
    """

    sums: np.ndarray
    INVISIBLE: ClassVar[float] = 0.01  # Lab^2

    @staticmethod
    def sums_of(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return the sums (2, 6) of one image (H, W, 3) in Lab and its truth."""
        x, y = (lab[..., 1:].reshape(-1, 2).astype(np.float64) for lab in (image, truth))
        return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y]).sum(1).T

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        n, x, y, xx, yy, xy = np.moveaxis(np.tensordot(weights, self.sums, 1), -1, 0)
        covariance = xy / n - x * y / n**2
        variances = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
        is_constant = np.minimum(*variances) < self.INVISIBLE
        return np.where(is_constant, 0, covariance / np.sqrt(np.where(is_constant, 1, np.prod(variances, 0)))).mean(1)


class Counts(NamedTuple):
    """What a set of points adds to a sliced distance: (K, STEPS) counts in the table, (K,) distances outside of it."""

    inside: np.ndarray
    outside: np.ndarray


class SlicedDistance:
    """The sliced Wasserstein-1 distance to a reference set of points (Rabin et al. 2011).

    Points are projected on directions. The distance of two sets is the mean over the directions of the integral of the
    difference between their distribution functions. These are tabulated in 256 steps, over twice the range of the
    reference. Outside of the table the integral is the sum of the points' distances to its ends.
    """

    STEPS = 256

    def __init__(self, reference: np.ndarray, directions: np.ndarray):
        """Args: reference: (M, D); directions: (D, K), unit columns."""
        self.directions = directions
        projected = reference @ directions
        lowest, highest = projected.min(0), projected.max(0)
        self.low = lowest - (highest - lowest) / 2
        self.step = np.maximum(2 * (highest - lowest) / self.STEPS, 1e-6)
        self.high = self.low + self.STEPS * self.step
        self.reference = self._counts(projected) / len(reference)

    def counts(self, points: np.ndarray) -> Counts:
        """Return how many of the points (P, D), at most 65535, lie up to each step of each direction, and the rest."""
        projected = points @ self.directions
        outside = (self.low - projected).clip(0).sum(0) + (projected - self.high).clip(0).sum(0)
        return Counts(self._counts(projected).astype(np.uint16), outside)

    def _counts(self, projected: np.ndarray) -> np.ndarray:
        cells = np.ceil((projected - self.low) / self.step).clip(0, self.STEPS).astype(int)
        count, size = self.directions.shape[1], self.STEPS + 1  # what lies above the table has a cell of its own
        flat = cells + size * np.arange(count)
        counts = np.bincount(flat.ravel(), minlength=size * count).reshape(count, size)
        return counts.cumsum(1)[:, : self.STEPS]

    def statistic(self, counts: Sequence[Counts], size: int) -> Statistic:
        """Return the distance between the reference and the union of sets of `size` points, one for each image."""
        by_direction = np.stack([of_image.inside for of_image in counts], 1)  # (K, n, STEPS)
        outside = np.stack([of_image.outside.mean() for of_image in counts])  # (n,)

        def distance(weights: np.ndarray) -> np.ndarray:
            share = weights / weights.sum(1, keepdims=True) / size
            tables = zip(by_direction, self.reference, self.step, strict=True)
            inside = np.mean([np.abs(share @ own - reference).sum(1) * step for own, reference, step in tables], 0)
            return inside + share @ outside

        return distance


def spread_directions(count: int) -> np.ndarray:
    """Return unit vectors (2, count), evenly spread over half of the circle."""
    angles = np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)])


def random_directions(dimensions: int, count: int) -> np.ndarray:
    """Return random unit vectors (dimensions, count), the same in each call."""
    drawn = np.random.default_rng(0).normal(size=(dimensions, count))
    return drawn / np.linalg.norm(drawn, axis=0)


@dataclass
class Estimate:
    """A figure with the interval that holds 95% of its resampled values."""

    value: float
    low: float
    high: float


def estimate(runs: Sequence[Statistic], images: int, draws: int, seed: int = 0) -> Estimate:
    """Return the mean of a statistic over runs of one recipe, and its bootstrap interval (Efron 1979; percentiles).

    Each draw takes as many images, and as many runs, as there are, with replacement; all calls with equal numbers draw
    alike. A resampled set has fewer different images, so its distance to the style is larger. This bias, the mean of
    the draws minus the value, is subtracted from both ends.

    Args:
        runs: the statistic of each run, over the same images.
        images: how many images.
        draws: how many draws; 0: no interval, both ends are the value.
    """
    value = float(np.mean([run(np.ones((1, images))) for run in runs]))
    if draws == 0:
        return Estimate(value, value, value)
    random = np.random.default_rng(seed)
    weights = random.multinomial(images, np.full(images, 1 / images), size=draws).astype(float)
    of_runs = np.stack([run(weights) for run in runs], 1)  # (draws, runs)
    drawn = random.integers(len(runs), size=of_runs.shape)
    resampled = np.take_along_axis(of_runs, drawn, 1).mean(1)
    low, high = np.percentile(resampled, [2.5, 97.5]) - resampled.mean() + value
    return Estimate(value, float(low), float(high))
