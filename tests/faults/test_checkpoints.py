"""Damaged network files: refused by everything that colors, and never colored with."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.faults.case import EVALUATE, NEW, TEST, ends, snapshot
from tests.helpers.images import noise, save
from util.checkpoint import load

Weights = dict[str, torch.Tensor]
COLORIZE = "colorize.py set/testA -o out --checkpoint ck/run/latest_net_G.pth --gpu_ids -1"
EXPORT = "export.py -o model.onnx --checkpoint ck/run/latest_net_G.pth"
PRETRAINED = f"{NEW} --pretrained_name run"
KEY = "model.1.weight"


def every(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Weights], object]:
    return lambda weights: {key: function(value) for key, value in weights.items()}


def first(value: float) -> Callable[[Weights], object]:
    def change(weights: Weights) -> Weights:
        weights[KEY].view(-1)[0] = value
        return weights

    return change


WRONG: dict[str, Callable[[Weights], object]] = {
    "NaN in one weight": first(float("nan")), "infinity in one weight": first(float("inf")),
    "infinity in all": every(lambda value: torch.full_like(value, float("inf"))),
    "int64": every(lambda value: value.long()), "uint8": every(lambda value: value.byte()),
    "bool": every(lambda value: value > 0), "complex": every(lambda value: value.to(torch.complex64)),
    "a key missing": lambda weights: {key: value for key, value in weights.items() if key != KEY},
    "a key more": lambda weights: {**weights, "more": torch.ones(1)},
    "another shape": lambda weights: {**weights, KEY: torch.ones(4, 3, 5, 5)}, "no dimension": lambda weights: {
        **weights, KEY: torch.tensor(1.0)},
    "text for a weight": lambda weights: {**weights, KEY: "x"}, "None for a weight": lambda weights: {
        **weights, KEY: None},
    "numbers for keys": lambda weights: dict(enumerate(weights.values())), "a list": lambda weights: [*weights],
    "a tensor": lambda weights: torch.ones(3), "None": lambda weights: None, "empty": lambda weights: {},
    "nested": lambda weights: {"state_dict": weights}, "sparse": lambda weights: {
        **weights, KEY: weights[KEY].to_sparse()},
    "meta": every(lambda value: value.to("meta")),}  # fmt: skip
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "0 bytes": lambda content: b"", "text": lambda content: b"not a checkpoint\n", "PK": lambda content: b"PK",
    "a third": lambda content: content[: len(content) // 3], "all but the end": lambda content: content[:-30],
    "zeros": lambda content: bytes(len(content)), "a zip of something else": lambda content: (
        b"PK\x05\x06" + bytes(18)),
    **{f"a bit flipped at {percent}%": lambda content, percent=percent: flipped(content, percent)
       for percent in (10, 30, 50, 65, 80, 95)},
}  # fmt: skip


def flipped(content: bytes, percent: int) -> bytes:
    place = len(content) * percent // 100
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def refused(folder: Path, commands: list[str]) -> None:
    """Each of the commands must name the file and write nothing."""
    before = snapshot(folder)
    for command in commands:
        done = ends(command, folder, 1, "latest_net_G.pth")
        assert done.stderr.count("\n") == 1 and snapshot(folder) == before


@pytest.mark.parametrize("name", WRONG)
def test_wrong_weights_are_refused(folder, name):
    path = folder / "ck/run/latest_net_G.pth"
    torch.save(WRONG[name](load(path)), path)
    refused(folder, [TEST])


@pytest.mark.parametrize("name", BYTES)
def test_damaged_files_are_refused(folder, name):
    path = folder / "ck/run/latest_net_G.pth"
    path.write_bytes(BYTES[name](path.read_bytes()))
    refused(folder, [TEST])


@pytest.mark.parametrize("name", ["NaN in one weight", "int64", "complex"])
def test_whatever_colors_refuses_wrong_weights(folder, name):
    path = folder / "ck/run/latest_net_G.pth"
    torch.save(WRONG[name](load(path)), path)
    refused(folder, [EVALUATE, COLORIZE, EXPORT, PRETRAINED])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_taken(folder, dtype):
    path = folder / "ck/run/latest_net_G.pth"
    torch.save({key: value.to(dtype) for key, value in load(path).items()}, path)
    ends(TEST, folder, 0, "2 images")


def test_a_checkpoint_that_is_a_folder_or_missing_is_named(folder):
    path = folder / "ck/run/latest_net_G.pth"
    path.unlink()
    refused(folder, [TEST])
    path.mkdir()
    refused(folder, [TEST])


@pytest.mark.parametrize("name", ["0 bytes", "text", "a third", "zeros"])
def test_a_damaged_exported_model_is_named(folder, name):
    save(noise(8, 8), folder / "a.png")
    content = (folder / "ck/run/latest_net_G.pth").read_bytes()
    (folder / "model.onnx").write_bytes(BYTES[name](content))
    ends("colorize.py a.png -o out --checkpoint model.onnx", folder, 1, "model.onnx")
