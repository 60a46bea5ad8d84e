"""What the metrics say about planted defects."""

import numpy as np
import pytest

from util.evaluation.bootstrap import estimate
from util.evaluation.judge import METRICS, Judge


def paintings(count: int, seed: int) -> list[np.ndarray]:
    """Lab images: a dark warm ground below, a light blue sky above, with soft noise; no two alike."""
    random = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        horizon, tint = random.integers(10, 30), random.normal(0, 5, 2)
        sky = np.arange(40)[:, None, None] < horizon
        image = np.where(sky, [75.0, -4.0, -25.0], [35.0, 12.0, 30.0]) * np.ones((40, 48, 1))
        image[..., 1:] += tint
        images.append(image + random.normal(0, [3, 2, 2], (40, 48, 3)))
    return images


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(paintings(20, seed=0))


def figures(judge: Judge, images: list[np.ndarray], truths: list[np.ndarray]) -> dict[str, float]:
    pairs = list(zip(images, truths, strict=True))
    statistics = judge.statistics([judge.style_record(*pair) for pair in pairs])
    statistics |= judge.statistics([judge.content_record(*pair) for pair in pairs])
    return {name: estimate([statistic], len(images), draws=0).value for name, statistic in statistics.items()}


def test_true_colors_are_the_best(judge):
    truths = paintings(12, seed=1)
    found = figures(judge, truths, truths)
    assert set(found) == set(METRICS) - {"fid", "kid"}
    assert found["ab_error"] == found["ciede2000"] == 0
    assert found["correlation"] == pytest.approx(1) and found["structure"] == pytest.approx(1)
    assert found["patch_distance"] < 4 and found["ab_distance"] < 4


def pale(image):
    return image * [1, 0.4, 0.4]


def noisy(image):
    return image + np.random.default_rng(1).normal(0, [0, 25, 25], image.shape)


def upside_down(image):
    return np.concatenate([image[..., :1], image[::-1, :, 1:]], -1)


def blurred(image):
    return np.concatenate([np.repeat(image[:, ::8, :1], 8, 1), image[..., 1:]], -1)


# What each defect must raise and lower, and what it must leave nearly as it is.
DEFECTS = {
    pale: (
        ["ab_error", "ciede2000", "patch_distance", "ab_distance"],
        ["colorfulness", "spread_within"],
        ["structure"],
    ),
    noisy: (["ab_error", "patch_distance", "ab_distance", "colorfulness"], ["correlation"], ["structure"]),
    upside_down: (["ab_error", "patch_distance"], ["correlation"], ["ab_distance", "spread_within", "structure"]),
    blurred: ([], ["structure"], ["ab_error", "ab_distance", "spread_between"]),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_moves_its_metrics(judge, defect):
    truths = paintings(12, seed=1)
    true, found = figures(judge, truths, truths), figures(judge, [defect(image) for image in truths], truths)
    raised, lowered, kept = DEFECTS[defect]
    for name in raised:
        assert found[name] > true[name] + 0.5, name
    for name in lowered:
        assert found[name] < 0.9 * true[name], name
    for name in kept:
        assert found[name] == pytest.approx(true[name], abs=0.2), name


def test_one_mean_color_for_all_images_has_no_spread_between(judge):
    truths = paintings(12, seed=1)
    centered = [image - [0, *image[..., 1:].mean((0, 1))] for image in truths]
    found, true = figures(judge, centered, truths), figures(judge, truths, truths)
    assert found["spread_between"] == pytest.approx(0, abs=1e-6)
    expected = np.stack([image[..., 1:].mean((0, 1)) for image in truths]).std(0).mean()
    assert true["spread_between"] == pytest.approx(expected)
