"""What installing the project puts into site-packages."""

import subprocess
import sys
import zipfile

import pytest


def test_no_package_called_models_or_data_is_installed(tree):
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    script = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
    built = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=tree,
                           capture_output=True, text=True)  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = (tree / "dist").glob("colorcut-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {wheel.name.split("-py3")[0] + ".dist-info"}
