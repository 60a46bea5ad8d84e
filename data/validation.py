"""--val_freq: how well a generator colors style images that training does not see."""

from argparse import Namespace
from collections.abc import Callable, Iterable

import numpy as np
import torch
from PIL import Image

from data.preprocess import tests_at_load_size, whole_image_steps
from data.transforms import get_transform
from util.evaluation.bootstrap import estimate
from util.evaluation.color_metrics import to_lab
from util.evaluation.judge import Judge
from util.util import copyconf, tensor2im


class Validation:
    """Measures the ab-error and the patch distance of docs/metrics.md on held-out style images."""

    def __init__(self, opt: Namespace, style: Iterable[Image.Image], held_out: Iterable[Image.Image]):
        """Args: opt: of the training; style: images that it trains on; held_out: images that it does not."""
        steps = whole_image_steps(opt.preprocess)
        size = opt.load_size if tests_at_load_size(steps) else opt.crop_size
        transform = get_transform(copyconf(opt, isTrain=False, no_flip=True, preprocess=steps, load_size=size))
        self.judge = Judge([to_lab(tensor2im(transform(image)[None])) for image in style])
        self.images = [transform(image)[None] for image in held_out]

    def measure(self, colorize: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, float]:
        """Color the images, and return both figures.

        Args: colorize: takes a color image (1, 3, H, W) in [-1, 1], and returns the colorization of its gray version.
        """
        records = []
        for image in self.images:
            colored = to_lab(tensor2im(colorize(image)))
            records.append(self.judge.style_record(colored, to_lab(tensor2im(image))))
        statistics = self.judge.statistics(records)
        names = ("ab_error", "patch_distance")
        return {name: estimate([statistics[name]], len(records), draws=0).value for name in names}


def score_of(figures: dict[str, float]) -> float:
    """Return the product of both figures; lower is better. Pale colors lose by the one, noisy ones by the other."""
    return float(np.prod(list(figures.values())))
