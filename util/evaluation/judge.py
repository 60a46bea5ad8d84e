"""All metrics of evaluate.py. docs/metrics.md defines them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from util.evaluation import color_metrics as metrics
from util.evaluation.bootstrap import (
    Correlation,
    Mean,
    SlicedDistance,
    SpreadBetween,
    Statistic,
    random_directions,
    spread_directions,
)


@dataclass(frozen=True)
class Metric:
    """What a table says about a metric. `better` is lower, higher, or empty where the style's own value is best."""

    title: str
    images: str
    better: str


STYLE, CONTENT = "held-out style images", "source images"
METRICS = {
    "ab_error": Metric("ab-error", STYLE, "lower"),
    "ciede2000": Metric("CIEDE2000", STYLE, "lower"),
    "correlation": Metric("correlation of ab", STYLE, "higher"),
    "patch_distance": Metric("patch distance", STYLE, "lower"),
    "ab_distance": Metric("distance of ab", CONTENT, "lower"),
    "content_patch_distance": Metric("patch distance", CONTENT, "lower"),
    "colorfulness": Metric("colorfulness", CONTENT, ""),
    "spread_within": Metric("spread within", CONTENT, ""),
    "spread_between": Metric("spread between", CONTENT, ""),
    "structure": Metric("kept structure", CONTENT, "higher"),
    "fid": Metric("FID", CONTENT, "lower"),
    "kid": Metric("KID", CONTENT, "lower"),
}


class Judge:
    """Measures colored images against a style. Images are CIELAB (H, W, 3)."""

    PATCH_DIRECTIONS = 128
    AB_DIRECTIONS = 32

    def __init__(self, style: Sequence[np.ndarray]):
        """Args: style: the training images of the style."""
        ab = np.concatenate([metrics.sample_colors(image) for image in style])
        self.mean_color = ab.mean(0)
        self.ab = SlicedDistance(ab, spread_directions(self.AB_DIRECTIONS))
        directions = random_directions(3 * metrics.PATCH_SIDE**2, self.PATCH_DIRECTIONS)
        levels = zip(*(metrics.sample_patches(image) for image in style), strict=True)
        self.patches = [SlicedDistance(np.concatenate(level), directions) for level in levels]

    def style_record(self, recolored: np.ndarray, truth: np.ndarray) -> dict[str, object]:
        """Measure a style image that was made gray and colored, against its own colors."""
        return {
            "ab_error": metrics.ab_error(recolored, truth),
            "ciede2000": metrics.ciede2000_error(recolored, truth),
            "correlation": Correlation.sums_of(recolored, truth),
            "patch_distance": self._patch_counts(recolored),
        }

    def content_record(self, colored: np.ndarray, source: np.ndarray) -> dict[str, object]:
        """Measure a colored image without known colors. `source` is the same image in gray."""
        return {
            "ab_distance": self.ab.counts(metrics.sample_colors(colored)),
            "content_patch_distance": self._patch_counts(colored),
            "colorfulness": metrics.colorfulness(colored),
            "spread_within": metrics.spread_within(colored),
            "spread_between": colored[..., 1:].mean((0, 1), dtype=np.float64),
            "structure": metrics.kept_structure(colored, source),
        }

    def statistics(self, records: Sequence[dict[str, object]]) -> dict[str, Statistic]:
        """Return each metric of all images that have a record, which are of one kind."""
        columns = {name: [record[name] for record in records] for name in records[0]}
        return {name: self._statistic(name, column) for name, column in columns.items()}

    def _statistic(self, name: str, column: list) -> Statistic:
        if name == "correlation":
            return Correlation(np.stack(column))
        if name == "spread_between":
            return SpreadBetween(np.stack(column))
        if name == "ab_distance":
            return self.ab.statistic(column, metrics.COLORS_PER_IMAGE)
        if name.endswith("patch_distance"):
            scales = zip(self.patches, zip(*column, strict=True), strict=True)
            distances = [distance.statistic(counts, metrics.PATCHES_PER_IMAGE) for distance, counts in scales]
            return lambda weights: np.mean([distance(weights) for distance in distances], 0)
        return Mean(np.array(column))

    def _patch_counts(self, image: np.ndarray) -> list[np.ndarray]:
        scales = zip(self.patches, metrics.sample_patches(image), strict=True)
        return [distance.counts(patches) for distance, patches in scales]
