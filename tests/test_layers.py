"""Imports, read from the sources: no folder imports upwards, and the plugin only what a CUT checkout has."""

import ast
import sys
from pathlib import Path

import pytest

from tests.helpers.launch import ROOT

# Where a file lies: where the modules lie that it may import.
ALLOWED = {"util": {"util"}, "util.run": {"util", "util.run"}, "util.report": {"util", "util.run", "util.report"},
           "data": {"util", "data"}, "models": {"util", "models"}}  # fmt: skip
ALLOWED["options"] = {"util", "util.run", "data", "models", "options"}
ALLOWED["data.check"] = {"util", "data", "options"}  # a program
ALLOWED["train"] = ALLOWED["test"] = ALLOWED["evaluate"] = {*ALLOWED, "options"}
ALLOWED["inference"] = {"util", "data", "models", "options", "inference"}
ALLOWED["colorize"] = ALLOWED["export"] = ALLOWED["app"] = {*ALLOWED["inference"]}
ALLOWED["scripts"] = {*ALLOWED, "scripts"}
PLUGIN = ["models/colorcut_model.py", "models/color_losses.py", "data/grayscale_unaligned_dataset.py"]
IN_A_CUT_CHECKOUT = ("models.color_losses.", "models.cut_model.CUTModel.", "data.unaligned_dataset.UnalignedDataset.",
                     "util.util.", "numpy.", "torch.", *(f"{name}." for name in sys.stdlib_module_names))  # fmt: skip
MAX_LINES = 300


def place_of(module: str) -> str | None:
    """The longest place that a module lies in, or None for a library."""
    return max((place for place in [*ALLOWED, "tests"] if f"{module}.".startswith(f"{place}.")), key=len, default=None)


def imports(path: Path, root: Path) -> set[str]:
    """Every module that a file imports; `from a import b` is a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(root).parent.parts
            above = package[: len(package) + 1 - node.level] if node.level else ()
            start = ".".join([*above, *filter(None, [node.module])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return found


def violations(root: Path) -> list[str]:
    """Return a line for each import and each length that is not allowed."""
    found = []
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        place = place_of(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        if place in (None, "tests"):
            continue
        modules = imports(path, root)
        bad = {module for module in modules if place_of(module) not in {None, *ALLOWED[place]}}
        if name in PLUGIN:
            bad |= {module for module in modules if not f"{module}.".startswith(IN_A_CUT_CHECKOUT)}
        found += [f"{name} imports {module}" for module in sorted(bad)]
        lines = len(path.read_text(encoding="utf-8").splitlines())
        found += [f"{name} has {lines} lines"] if lines > MAX_LINES else []
    return found


def test_layers_hold():
    assert violations(ROOT) == []


WRONG = {  # a file: what it holds
    "util/a.py": "from data import x", "util/b.py": "import util.report.html", "util/run/a.py": "import util.report",
    "util/report/a.py": "if x:\n    from models.base_model import x", "data/a.py": "from models import x",
    "models/networks/a.py": "from data.loader import x", "models/a.py": "from ..data import x",
    "data/b.py": "from options import x", "options/a.py": "import train", "train.py": "from scripts.lib import x",
    "scripts/lib/a.py": "from tests.helpers import x", "models/color_losses.py": "from models import base_model",
    "models/colorcut_model.py": "import torchvision", "data/c.py": "pass\n" * 301,
    "options/c.py": "from inference import x", "inference/a.py": "import colorize",
}  # fmt: skip
RIGHT = {
    "util/c.py": "import numpy, util.errors", "util/report/b.py": "from . import html", "data/d.py": "pass\n" * 300,
    "models/b.py": "from . import networks", "options/b.py": "from data import x", "test.py": "from options import x",
    "scripts/a.py": "import train", "models/colorcut_model.py": "from models.cut_model import CUTModel",
    "inference/b.py": "from options import record", "colorize.py": "from inference import jobs",
}  # fmt: skip
CASES = [(*case, True) for case in WRONG.items()] + [(*case, False) for case in RIGHT.items()]


@pytest.mark.parametrize(("name", "source", "is_wrong"), CASES)
def test_layers_find_a_violation(tmp_path, name, source, is_wrong):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(source)
    assert bool(violations(tmp_path)) == is_wrong
