"""SinColorCUT: the colors of one style image."""

import argparse

from models.colorcut_model import STYLE_WEIGHTS, ColorCUTModel
from models.presets import PRESETS

_SMALL = PRESETS["best_small"]  # the recipe for a CPU; it keeps the luma
_OTHERS = ("lambda_l1", "load_size", "preprocess")  # the preset below and the data mode have defaults for them
# The luma of one style image is rarely that of the content, so D sees colors without luma, and with layer norm their
# mean. It judges the content only: the crops of the style have L1. docs/decisions.md has the trials.
_DEFAULTS = {**{name: value for name, value in _SMALL.items() if name not in _OTHERS},
             "gan_on": "source", "gan_chroma": True, "normD": "layer", "lr": 5e-4}  # fmt: skip


class SinColorCUTModel(ColorCUTModel):
    """ColorCUT whose style images are crops of one image (--style), with other defaults."""

    presets = {**ColorCUTModel.presets,
               "term_units": {"style": {**STYLE_WEIGHTS, "lambda_l1": _SMALL["lambda_l1"]}}}  # fmt: skip

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Change defaults."""
        parser = ColorCUTModel.modify_commandline_options(parser, is_train)
        names = {action.dest for action in parser._actions}
        parser.set_defaults(dataset_mode="single_style", **{k: v for k, v in _DEFAULTS.items() if k in names})
        if is_train:
            parser.set_defaults(n_epochs=8, val_freq=1)
        return parser
