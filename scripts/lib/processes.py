"""Running our programs, and those of a CUT checkout, in processes of their own."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(root: Path = ROOT) -> dict[str, str]:
    """Return the environment of a process that imports models, data, options and util from the checkout `root`."""
    search_path = filter(None, [str(root), str(ROOT), os.environ.get("PYTHONPATH")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}
