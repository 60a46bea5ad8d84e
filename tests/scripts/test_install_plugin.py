"""scripts/install_plugin.sh on a folder that looks like a CUT checkout."""

import subprocess
from pathlib import Path

import pytest

from tests.helpers.launch import ROOT

FILES = ["models/colorcut_model.py", "models/color_losses.py", "data/grayscale_unaligned_dataset.py"]
NEEDED = ["train.py", "models/cut_model.py", "data/unaligned_dataset.py", "util/util.py", "options/base_options.py"]


@pytest.fixture
def checkout(tmp_path) -> Path:
    folder = tmp_path / "cut of mine"
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("theirs")
    return folder


def install(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([ROOT / "scripts/install_plugin.sh", *arguments], capture_output=True, text=True)


def content(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_install_plugin_twice_then_uninstall(checkout):
    before = content(checkout)
    assert install(checkout).stdout.count("installed") == 3
    assert content(checkout) == before | {name: (ROOT / name).read_text() for name in FILES}
    assert install(checkout).stdout.count("unchanged") == 3
    (checkout / FILES[0]).write_text((checkout / FILES[0]).read_text() + "# an older version\n")
    updated = install(checkout).stdout
    assert updated.count("updated") == 1 and updated.count("unchanged") == 2
    assert install("--uninstall", checkout).stdout.count("removed") == 3
    assert content(checkout) == before
    assert install("--uninstall", checkout).returncode == 0


def test_install_plugin_keeps_a_file_that_is_not_its_own(checkout):
    (checkout / FILES[1]).write_text("someone's own losses")
    before = content(checkout)
    refused = install(checkout)
    assert refused.returncode == 1 and FILES[1] in refused.stderr and content(checkout) == before
    assert install("--uninstall", checkout).returncode == 0 and content(checkout) == before
    assert install("--force", checkout).returncode == 0
    assert (checkout / FILES[1]).read_text() == (ROOT / FILES[1]).read_text()


@pytest.mark.parametrize("arguments", [[], ["/nowhere"], ["--wrong", "."], ["a", "b"], [ROOT], [ROOT / "docs"]])
def test_install_plugin_refuses_anything_else_in_one_line(arguments):
    result = install(*arguments)
    assert result.returncode == 2 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
