"""Every flag of CUT is here with its default, or in docs/differences.md, or is refused by name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from options.test_options import TestOptions
from options.train_options import TrainOptions
from util.errors import UserError

FLAGS = json.loads(Path(__file__).with_name("facts.json").read_text())["flags"]
PAGE = (Path(__file__).parents[2] / "docs/differences.md").read_text(encoding="utf-8")


def our_default(flag: str, part: str) -> object:
    """Our default, with the model that the part is of."""
    flags = f"--dataroot x --gpu_ids -1 --model {part if part in ('cycle_gan', 'sincut') else 'cut'}"
    options = TestOptions(flags) if part == "test" else TrainOptions(flags)
    resolved = vars(options.parse())
    name = flag.removeprefix("--")
    return options.defaults[name] if name in ("dataroot", "gpu_ids") else resolved[name]


def word(default: object) -> str:
    return {"": "empty", None: "none"}.get(default, str(default)) if not isinstance(default, bool) else str(default)


def compared() -> dict[str, tuple[str, str]]:
    """The defaults, theirs and ours, of each flag of `--model cut`, and of those that only other models have."""
    flags = {}
    for part in ("base", "train", "cut", "cycle_gan", "sincut", "test"):
        for flag, theirs in FLAGS[part].items():
            if part in ("cycle_gan", "sincut") and flag in flags:
                continue  # a default that belongs to a model which is not here
            label = f"{flag} (test)" if part == "test" and flag in flags else flag
            flags[label] = (word(theirs), word(our_default(flag, part)))
    return flags


def documented() -> dict[str, tuple[str, str]]:
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| `--")
    ]
    assert all(row[3] for row in rows), "each difference needs a reason"
    return {row[0]: (row[1], row[2]) for row in rows}


def test_flags_that_differ_are_those_of_the_page():
    flags, page = compared(), documented()
    assert {flag: defaults for flag, defaults in flags.items() if defaults[0] != defaults[1]}.items() <= page.items()
    assert page.items() <= flags.items()
    same = " ".join(f"`{flag}`" for flag in flags if flag not in page)
    assert same in " ".join(PAGE.split()), same


def test_flags_of_sincut_have_the_defaults_of_cut():
    opt = vars(TrainOptions("--dataroot x --gpu_ids -1 --model sincut").parse())
    assert FLAGS["sincut"] and {flag: opt[flag[2:]] for flag in FLAGS["sincut"]} == FLAGS["sincut"]


def test_flags_of_fastcut_have_the_defaults_of_cut():
    opt = TrainOptions("--dataroot x --gpu_ids -1 --CUT_mode FastCUT").parse()
    assert FLAGS["FastCUT"] and all(getattr(opt, flag[2:]) == default for flag, default in FLAGS["FastCUT"].items())


@pytest.mark.parametrize("value", re.findall(r"`(--\w+ \w+)`", PAGE.split("## Values")[1].split("##")[0]))
def test_flag_refuses_a_value_that_is_not_here_by_name(value):
    flag, word = value.split()
    with pytest.raises(UserError, match=f"{flag}.*{word}"):
        TrainOptions(f"--dataroot x --gpu_ids -1 {value}").parse()


@pytest.mark.slow
def test_facts_are_those_of_the_checkout(upstream, tmp_path):
    """facts.json, written anew from the checkout, is that of the tree except for the commit and rounding."""
    here = Path(__file__).parent
    for name in ("record.py", "seeded.py"):
        (tmp_path / name).write_text((here / name).read_text())
    upstream.run([tmp_path / "record.py", upstream.root])
    new, old = (json.loads((folder / "facts.json").read_text()) for folder in (tmp_path, here))
    assert new["flags"] == old["flags"]
    for one, other in zip(new["networks"], old["networks"], strict=True):
        assert one["keys"] == other["keys"] and np.allclose(one["output"], other["output"], rtol=1e-7, atol=1e-9)
