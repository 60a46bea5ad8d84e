"""Every number that a flag takes has a range, and what is outside of it gets one line."""

import math
import re

import pytest

from models import MODELS
from options.evaluate_options import EvaluateOptions
from options.parser import OneLineParser
from options.ranges import RANGES
from options.test_options import TestOptions
from options.train_options import TrainOptions
from util.errors import UsageError
from util.run.stop import minutes

FIXED = {"input_nc", "output_nc", "gray_range"}  # checked by themselves
TYPES: dict[str, tuple[type, type]] = {}  # of each number: the program's options, int or float
MODEL_OF = {"lambda_A": "cycle_gan", "lambda_B": "cycle_gan", "lambda_identity": "cycle_gan", "lambda_L1": "pix2pix",
            "pool_size": "cycle_gan", "lambda_gp": "cycle_gan", "lambda_R1": "sincut"}  # fmt: skip
for options in (EvaluateOptions, TestOptions, TrainOptions):
    for model in ("cut", "colorcut", "cycle_gan", "pix2pix", "sincut"):
        parser = OneLineParser()
        options("--dataroot x").initialize(parser)
        MODELS.find(model).modify_commandline_options(parser, options is TrainOptions)
        kinds = {int: int, float: float, minutes: float}
        TYPES |= {each.dest: (options, kinds[each.type]) for each in parser._actions if each.type in kinds}


def test_every_number_has_a_range():
    assert TYPES.keys() - FIXED == RANGES.keys()


@pytest.mark.parametrize("flag", RANGES)
def test_numbers_outside_of_their_range_get_one_line(flag):
    (low, high), (options, kind) = RANGES[flag], TYPES[flag]
    wrong = [low - 1, *([2 * high + 1] if high < math.inf else [])]
    wrong += [math.nan, -math.inf, *([math.inf] if high < math.inf else [])] if kind is float else []
    command = f"--dataroot x --gpu_ids -1 --model {MODEL_OF.get(flag, 'colorcut')}"
    for value in wrong:
        with pytest.raises(UsageError, match=re.escape(f"--{flag} {kind(value)}: expected {low:.10g} ")):
            options(f"{command} --{flag}={value}").parse()


@pytest.mark.parametrize("values", ["5 5", "6 5", "nan 1", "0 inf", "0 1e-320"])
def test_gray_ranges_that_cannot_be_get_one_line(values):
    with pytest.raises(UsageError, match=r"^--gray_range .*: expected the value of black, then a larger one of white"):
        TrainOptions(f"--dataroot x --gpu_ids -1 --gray_range {values}").parse()
