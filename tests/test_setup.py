"""What installing the project puts into site-packages."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_no_package_called_models_or_data_is_installed(tmp_path):
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    ignore = shutil.ignore_patterns(".*", "__pycache__", "datasets", "checkpoints", "results", "*.egg-info")
    shutil.copytree(ROOT, tmp_path / "project", ignore=ignore)
    script = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
    built = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=tmp_path / "project",
                           capture_output=True, text=True)  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "project/dist").glob("colorcut-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {wheel.name.split("-py3")[0] + ".dist-info"}
