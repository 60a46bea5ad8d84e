"""What scripts/install.sh, install_browser.sh and test.sh call, with stand-ins for python, apt-get and npm."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.launch import ROOT

FETCH = "scripts/monitor/fetch_assets.py"


def program(path: Path, *commands: str) -> None:
    """Write a program that notes its name and arguments in the file `calls`, then runs these commands."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", f'echo "{path.name} $*" >> "$CALLS"', *commands]) + "\n")
    path.chmod(0o755)


def called(command: list, cwd: Path, **environment: str) -> tuple[subprocess.CompletedProcess, list[str]]:
    """Run a command without CI; return the result and what the programs noted."""
    calls = cwd / "calls"
    calls.write_text("")
    environment = {**os.environ, "CI": "", "CALLS": str(calls), **environment}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    return result, calls.read_text().splitlines()


@pytest.mark.parametrize(("extras", "fetches"), [("", True), ("dev", True), ("test,monitor", True), ("figures", False)])
def test_install_fetches_visdom_s_page_and_ignores_a_failure(tree, extras, fetches):
    program(tree / "bin/python", f'[ "$1" != {FETCH} ]')
    result, calls = called(["scripts/install.sh", *extras.split()], tree, VIRTUAL_ENV=str(tree))
    assert result.returncode == 0 and (f"python {FETCH}" in calls) == fetches
    assert calls[0] == f"python -m pip install --quiet -e .[{extras or 'monitor'}]"


@pytest.mark.parametrize("arguments", [["monitor", "test"], ["--help"]])
def test_install_refuses_other_arguments_in_one_line(tree, arguments):
    program(tree / "bin/python")
    result, calls = called(["scripts/install.sh", *arguments], tree, VIRTUAL_ENV=str(tree))
    assert result.returncode == 2 and calls == [] and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: unexpected argument {arguments[-1]}; usage: ")


@pytest.mark.parametrize(
    ("flags", "ci", "installs", "code"), [([], "", False, 0), ([], "1", True, 0), (["--install-browser"], "", True, 1)]
)
def test_test_sh_installs_a_browser_where_asked_and_fails_without_it_only_there(tree, flags, ci, installs, code):
    program(tree / "scripts/install.sh")
    program(tree / "scripts/install_browser.sh", "exit 1")
    program(tree / "bin/python")
    result, calls = called(["scripts/test.sh", *flags, "-m", "not slow"], tree, VIRTUAL_ENV=str(tree), CI=ci)
    assert result.returncode == code and ("install_browser.sh " in calls) == installs
    tested = [call for call in calls if call.startswith("python -m pytest ")]
    assert [call.endswith(" -m not slow") for call in tested] == [True] * (code == 0)
    assert result.stdout == ("no browser was installed: its tests will be skipped\n" if ci else "")


def test_install_browser_installs_what_is_absent_as_root(tmp_path):
    script = ROOT / "scripts/install_browser.sh"
    programs = tmp_path / "bin"
    program(programs / "apt-get")
    program(programs / "id", "echo 0")
    program(programs / "npm")
    (programs / "bash").symlink_to(shutil.which("bash"))
    result, calls = called([script], tmp_path, PATH=str(programs))
    assert result.returncode == 0
    assert calls[:2] == ["id -u", "apt-get update -qq"]
    assert calls[2:] == ["apt-get install -qq --no-install-recommends chromium chromium-driver"]

    program(programs / "id", "echo 1000")
    result, calls = called([script], tmp_path, PATH=str(programs))
    assert result.returncode == 1 and calls == ["id -u"]
    assert result.stderr == "error: installing chromium chromium-driver needs root\n"

    program(programs / "chromium")
    program(programs / "chromedriver")
    result, calls = called([script], tmp_path, PATH=str(programs))
    assert result.returncode == 0 and calls == []
