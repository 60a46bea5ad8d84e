"""What a machine may lack: memory, descriptors, a locale, a reader of its output, variables of torchrun."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.case import NEW, TEST, ends
from tests.helpers.images import noise, save
from tests.helpers.launch import ROOT


def limit(kind: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def address_space(more: int) -> Callable[[], None]:
    """Return a function that leaves so many bytes of address space."""

    def prepare() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + more, resource.RLIM_INFINITY))

    return prepare


def output_to(path: str, *numbers: int) -> Callable[[], None]:
    def prepare() -> None:
        for number in numbers:
            os.dup2(os.open(path, os.O_WRONLY), number)

    return prepare


def closed_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)


@pytest.mark.parametrize("more", [0, 40_000_000])
def test_little_memory_is_one_line(folder, more):
    save(noise(3000, 4000), folder / "set/testA/large.png")
    ends(f"{TEST} --preprocess none --netG resnet_4blocks", folder, 1, "", address_space(more))


def test_a_network_that_does_not_fit_is_refused_before_it_is_built(folder):
    ends(f"{NEW} --ngf 512", folder, 1, "GB are free", address_space(500_000_000))


def test_too_few_descriptors_are_one_line_or_no_matter(folder):
    """A real process, which has no others open."""
    command = [sys.executable, ROOT / "train.py", *f"{NEW} --num_threads 4 --cache off".split()[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120,
                          preexec_fn=limit(resource.RLIMIT_NOFILE, 24))  # fmt: skip
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    assert done.returncode == 0 or (done.stderr.count("\n") == 1 and "oo many open files" in done.stderr), done.stderr


def close_streams(*names: str) -> Callable[[], None]:
    def prepare() -> None:
        for name in names:
            os.close({"stdout": 1, "stderr": 2}[name])
            setattr(sys, name, None)  # as Python does at its start

    return prepare


@pytest.mark.parametrize("names", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_closed_streams_have_no_effect(folder, names):
    ends(NEW, folder, 0, "", close_streams(*names))
    ends(TEST, folder, 0, "", close_streams(*names))
    assert (folder / "ck/new/latest_net_G.pth").is_file()


def test_a_full_or_unread_output_does_not_end_training(folder):
    for prepare, flags in (
        (output_to("/dev/full", 1), ""),
        (closed_pipe, ""),
        (output_to("/dev/full", 1), "--verbose"),
    ):
        done = ends(f"{NEW} --overwrite {flags}", folder, 1, "a part of the standard output is lost", prepare)
        assert done.stderr.count("\n") == 1 and (folder / "ck/new/1_net_G.pth").is_file()
        shutil.rmtree(folder / "ck/new")


@pytest.mark.parametrize("variables", ["RANK=5 WORLD_SIZE=2", "WORLD_SIZE=abc RANK=0", "RANK=x WORLD_SIZE=2",
                                       "RANK=0 WORLD_SIZE=2 MASTER_ADDR=localhost"])  # fmt: skip
def test_variables_of_torchrun_without_torchrun_are_named(folder, variables):
    def prepare() -> None:
        os.environ.update(pair.split("=") for pair in variables.split())

    done = ends(NEW, folder, 1, "", prepare)
    assert any(name in done.stderr for name in ("RANK", "WORLD_SIZE", "MASTER_")) and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_an_ascii_locale_prints_any_name(folder):
    """A real process, because Python reads the locale at its start."""
    save(noise(40, 48), folder / "set/testA/漢字 é.png")
    (folder / "set/testA/ü.png").write_bytes(b"")
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, ROOT / "test.py", *TEST.split()[1:]]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 1 and b"Traceback" not in done.stderr and b"1 images could not be colored" in done.stderr
    assert len(list((folder / "results/run/test_latest/images/fake_B").iterdir())) == 3
