"""The flags of evaluate.py."""

import argparse
import itertools
import re
from argparse import Namespace
from pathlib import Path

from options.parser import OneLineParser
from options.test_options import TestOptions
from util.errors import UsageError, UserError
from util.run_folder import RunFolder

# What must be alike in all runs, since they color the same images.
_TREATMENT = ["direction", "preprocess", "load_size", "crop_size", "gray_range", "gray_stretch"]


class EvaluateOptions(TestOptions):
    """The flags of test.py, and which runs are measured side by side."""

    def initialize(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags of evaluation."""
        super().initialize(parser)
        add = parser.add_argument
        add("--names", nargs="+", metavar="RUN", help="measure several runs side by side; results go to "
            "results_dir/name. Runs joined by commas are seeds of one recipe: one row with their mean")  # fmt: skip
        add("--draws", type=int, default=1000, help="draws of the bootstrap for the intervals; 0: no intervals")
        add("--fid_weights", help="weights of Inception for FID and KID, pt_inception-2015-12-05-6726825d.pth of "
            "torch-fidelity (an extra: pip install torch-fidelity)")  # fmt: skip

    def finish(self, opt: Namespace) -> None:
        """Check what evaluation needs before it begins."""
        super().finish(opt)
        if opt.fid_weights and not Path(opt.fid_weights).is_file():
            raise UsageError(f"--fid_weights {opt.fid_weights}: no such file")

    def parse_runs(self) -> tuple[dict[str, Namespace], dict[str, list[str]]]:
        """Return the options of each run, and the runs of each row of the table by the title of the row.

        Raises:
            UsageError: if runs treat images differently.
            UserError: if there is no such run.
        """
        parser = OneLineParser(allow_abbrev=False)
        self.initialize(parser)
        given = parser.parse_known(self.argv, {})
        if given.names and given.name == parser.get_default("name"):
            given.name = "comparison"
        self.output_name = given.name
        groups = [row.split(",") for row in given.names or [given.name]]
        rows = {_title(group): group for group in groups}
        if len(rows) < len(groups):
            raise UsageError("--names: two rows would have one title; name each run once, or join others")
        runs = {name: self._parse_run(name) for name in itertools.chain(*rows.values())}
        first = next(iter(runs.values()))
        for name, opt in runs.items():
            for flag in _TREATMENT:
                if vars(first)[flag] != vars(opt)[flag]:
                    values = f"{vars(first)[flag]} in {first.name}, {vars(opt)[flag]} in {name}"
                    raise UsageError(f"--{flag} differs between runs: {values}; give the value to use")
        return runs, rows

    def _parse_run(self, name: str) -> Namespace:
        options = EvaluateOptions([*self.argv, "--name", name])
        opt = options.parse()
        folder = RunFolder.of(opt).path
        if not folder.is_dir():
            raise UserError(f"there is no run {folder}")
        self.defaults = options.defaults
        return opt


def _title(names: list[str]) -> str:
    """Return what the names of runs share at their beginning, with the number of runs; one name is its own."""
    if len(names) == 1:
        return names[0]
    equal = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    shared = re.sub(r"[_-]?seed\d*$", "", "".join(letters[0] for letters in equal)).rstrip("_-.") or names[0]
    return f"{shared} ({len(names)} runs)"
