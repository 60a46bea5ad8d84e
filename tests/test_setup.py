"""What installing the project puts into site-packages."""

import zipfile

import pytest

from tests.helpers.launch import output_of


@pytest.mark.slow
def test_setup_installs_no_package_called_models_or_data(tree):
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    script = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
    output_of(["-W", "ignore", "-c", script], cwd=tree)
    (wheel,) = (tree / "dist").glob("colorcut-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {wheel.name.split("-py3")[0] + ".dist-info"}
