"""The loader hands out every batch once, in order, unchanged, and an error where it belongs, on any device."""

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from data import create_dataset
from data.prefetch import prefetch
from options.train_options import TrainOptions
from util.errors import UserError

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


class Numbers(Dataset):
    """Items large enough for a copy to take longer than it takes to launch a step."""

    def __init__(self, count: int):
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict:
        return {"A": torch.full((1_000_000,), float(index)), "A_paths": str(index)}


@pytest.mark.parametrize("device", DEVICES)
def test_every_batch_arrives_once_in_order_and_whole(device):
    device, weights = torch.device(device), torch.ones(1024, 1024, device=device)
    sums = []
    for index, batch in enumerate(prefetch(DataLoader(Numbers(10), pin_memory=device.type == "cuda"), device)):
        assert batch["A"].device.type == device.type and batch["A_paths"] == [str(index)]
        for _ in range(4 if device.type == "cpu" else 50):  # the device is still at it when the next batch is copied
            weights = (weights @ weights).clamp(max=1)
        sums.append(((batch["A"] - index).abs().max(), batch["A"].mean()))
    assert [(off.item(), mean.item()) for off, mean in sums] == [(0, index) for index in range(10)]


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_that_fails_fails_after_those_before_it(pictures, device):
    damaged = pictures / "trainA/2.png"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    ids = {"cpu": -1, "cuda": 0}[device]
    flags = f"--dataroot {pictures} --gpu_ids {ids} --num_threads 2 --serial_batches --crop_size 32"
    batches = iter(create_dataset(TrainOptions(flags).parse()))
    assert [next(batches)["A_paths"] for _ in range(2)] == [[str(pictures / f"trainA/{n}.png")] for n in range(2)]
    with pytest.raises(UserError, match=str(damaged)):
        next(batches)


@pytest.mark.parametrize("device", DEVICES)
def test_nothing_is_taken_in_advance(device):
    taken = []
    batches = prefetch((taken.append(n) or {"n": n} for n in range(3)), torch.device(device))
    assert next(batches) == {"n": 0} and taken == [0]
