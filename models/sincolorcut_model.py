"""SinColorCUT: the colors of one style image."""

import argparse

from models.colorcut_model import STYLE_WEIGHTS, ColorCUTModel
from models.presets import PRESETS

# The recipe for a CPU. It keeps the luma, and judges crops of the style that were made gray and colored again.
_RECIPE = {name: value for name, value in PRESETS["best_small"].items() if name not in ("lambda_l1", "preprocess")}


class SinColorCUTModel(ColorCUTModel):
    """ColorCUT whose style images are crops of one image (--style), with other defaults."""

    presets = {**ColorCUTModel.presets,
               "term_units": {"style": {**STYLE_WEIGHTS, "lambda_l1": PRESETS["best_small"]["lambda_l1"]}}}  # fmt: skip

    @staticmethod
    def modify_commandline_options(parser: argparse.ArgumentParser, is_train: bool = True) -> argparse.ArgumentParser:
        """Change defaults."""
        parser = ColorCUTModel.modify_commandline_options(parser, is_train)
        names = {action.dest for action in parser._actions}
        parser.set_defaults(dataset_mode="single_style", **{k: v for k, v in _RECIPE.items() if k in names})
        if is_train:
            parser.set_defaults(n_epochs=8, val_freq=1)
        return parser
