"""The ranges of the numbers that flags take: without them a wrong number ends in a traceback, or in a useless run."""

import math
from argparse import Namespace
from collections.abc import Mapping

from util.errors import UsageError

_WEIGHT = (0, 1e6)  # of a loss term
_EVERY = (0, 10**9)  # steps, images or epochs between two events; 0 = never
_SIDE = (1, 20_000)  # pixels
_MOST = 0.99999999  # less than 1

RANGES = {  # both ends included
    "accumulate": (1, 10_000), "batch_size": (1, 100_000), "beta1": (0, _MOST), "beta2": (0, _MOST),
    "crop_size": _SIDE, "display_freq": _EVERY, "display_id": (-1, 10**9), "display_ncols": (-1, 100),
    "display_port": (1, 65_535), "display_winsize": (16, 10_000), "draws": (0, 10**6), "ema": (0, _MOST),
    "epoch_count": (1, 10**6), "evaluation_freq": _EVERY, "init_gain": (1e-9, 1000), "keep_states": (1, 1000),
    "lambda_A": _WEIGHT, "lambda_B": _WEIGHT, "lambda_GAN": _WEIGHT, "lambda_L1": _WEIGHT, "lambda_NCE": _WEIGHT,
    "lambda_TV": _WEIGHT, "lambda_Var": _WEIGHT, "lambda_gp": _WEIGHT, "lambda_identity": _WEIGHT,
    "lambda_l1": _WEIGHT, "lambda_range": _WEIGHT, "load_size": (0, 20_000), "lr": (1e-12, 1e30),
    "lambda_R1": _WEIGHT, "lr_decay_iters": (1, 10**9),
    "max_dataset_size": (1, math.inf), "max_megapixels": (0.001, 10**6),
    "n_epochs": (0, 10**6), "n_epochs_decay": (0, 10**6),
    "n_layers_D": (1, 6), "nce_T": (1e-4, 10_000), "ndf": (1, 4096), "netF_nc": (1, 65_536), "ngf": (1, 4096),
    "num_patches": (1, 10**6), "num_test": (1, math.inf), "num_threads": (0, 1024),
    "pool_size": (0, 10**6), "print_freq": _EVERY, "save_epoch_freq": _EVERY, "save_latest_freq": _EVERY,
    "random_scale_max": (1, 1000), "seed": (0, 2**32 - 1), "stylegan2_G_num_downsampling": (0, 8),
    "time_limit": (0, 10**7), "tv_beta": (0.1, 10),
    "update_html_freq": _EVERY, "val_freq": _EVERY,
}  # fmt: skip


def check_ranges(opt: Namespace, ranges: Mapping[str, tuple[float, float]] = RANGES) -> None:
    """Raise a UsageError for the first number outside of its range. NaN is outside of all."""
    for flag, (low, high) in ranges.items():
        value = getattr(opt, flag, None)
        if value is not None and not low <= value <= high:
            wanted = f"{low:.10g} or more" if high == math.inf else f"{low:.10g} to {high:.10g}"
            raise UsageError(f"--{flag} {value}: expected {wanted}")


def check_gray_range(gray_range: tuple[float, float] | None) -> None:
    """Raise a UsageError unless the second value is larger than the first, and both and their difference are usable."""
    low, high = gray_range or (0, 1)
    if not (low < high and math.isfinite(1e6 / (high - low)) and math.isfinite(high - low)):
        raise UsageError(f"--gray_range {low:g} {high:g}: expected the value of black, then a larger one of white")
