"""What --preprocess says: its steps, and the size that they give an image."""

from argparse import Namespace

from util.errors import UsageError

# The words of --preprocess: CUT's, and rescale_shortside, which also scales down.
PREPROCESS_STEPS = {
    "resize": "to load_size x load_size",
    "crop": "a random crop_size x crop_size window",
    "scale_width": "width to load_size, aspect kept",
    "scale_shortside": "shorter side up to load_size if it is smaller",
    "rescale_shortside": "shorter side to load_size, aspect kept",
    "trim": "sides longer than crop_size cut to it",
    "zoom": "a random size, for one image (--dataset_mode singleimage)",
    "patch": "then a random crop_size x crop_size window, for one image",
}
_TRAINING_ONLY = {"crop", "trim", "zoom", "patch"}


def check_preprocess(preprocess: str) -> None:
    """Raise a UsageError for a value of --preprocess with an unknown step."""
    for step in preprocess.split("_and_"):
        if step not in PREPROCESS_STEPS and preprocess != "none":
            allowed = ", ".join(PREPROCESS_STEPS)
            raise UsageError(f"--preprocess {preprocess}: '{step}' is none of {allowed}; join them by _and_, or none")


def whole_image_steps(preprocess: str) -> str:
    """Return the part of a run's --preprocess that applies at test time, where the whole image is translated."""
    kept = [step for step in preprocess.split("_and_") if step not in _TRAINING_ONLY]
    return "_and_".join(kept) or "none"


def tests_at_load_size(steps: str) -> bool:
    """Return True if these steps scale to the --load_size of training in tests too. CUT's scale to --crop_size then."""
    return "rescale_shortside" in steps.split("_and_")


def scaled_size(size: tuple[int, int], opt: Namespace) -> tuple[int, int]:
    """Return the (width, height) to which `opt.preprocess` scales an image. A size that comes out stays the same."""
    (w, h), steps, load_size = size, opt.preprocess.split("_and_"), opt.load_size
    if "resize" in steps:
        return load_size, load_size
    if "scale_width" in steps:
        return load_size, int(max(load_size * h / w, opt.crop_size))
    shorter = min(size)
    if "rescale_shortside" in steps or ("scale_shortside" in steps and shorter < load_size):
        return max(load_size, round(w * load_size / shorter)), max(load_size, round(h * load_size / shorter))
    return size
