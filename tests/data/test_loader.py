"""Order and randomness of batches, and batches on their way to the device."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from data.prefetch import prefetch
from tests.helpers.build import build_loader
from tests.helpers.images import damage
from util.errors import UserError

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


class Numbers(Dataset):
    """Items so large that a copy takes longer than launching a step."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> dict:
        return {"A": torch.full((1_000_000,), float(index)), "A_paths": str(index)}


def test_loader_covers_every_image_in_an_epoch_and_repeats_with_its_seed(dataroot):
    def epoch(number: int, start: int = 0, flags: str = "") -> list[tuple[str, str, float]]:
        loader = build_loader(dataroot, f"--model colorcut --crop_size 32 {flags}")
        loader.set_epoch(number, start)
        return [(batch["A_paths"][0], batch["B_paths"][0], batch["B"].sum().item()) for batch in loader]

    first = epoch(1)
    assert sorted(Path(source).stem for source, _, _ in first) == ["0", "1", "2", "3"]
    assert first == epoch(1, flags="--num_threads 2") and first != epoch(2)
    assert first[2:] == epoch(1, start=2)


@pytest.mark.parametrize("device", DEVICES)
def test_loader_raises_for_a_bad_batch_after_those_before_it(dataroot, device):
    damaged, gpu_ids = damage(dataroot / "trainA/2.png"), {"cpu": -1, "cuda": 0}[device]
    flags = f"--gpu_ids {gpu_ids} --num_threads 2 --serial_batches --crop_size 32"
    batches = iter(build_loader(dataroot, flags))
    assert [next(batches)["A_paths"] for _ in range(2)] == [[str(dataroot / f"trainA/{n}.png")] for n in range(2)]
    with pytest.raises(UserError, match=str(damaged)):
        next(batches)


@pytest.mark.parametrize("device", DEVICES)
def test_prefetch_returns_every_batch_once_in_order_and_whole(device):
    device, weights = torch.device(device), torch.ones(1024, 1024, device=device)
    sums = []
    for index, batch in enumerate(prefetch(DataLoader(Numbers(), pin_memory=device.type == "cuda"), device)):
        assert batch["A"].device.type == device.type and batch["A_paths"] == [str(index)]
        for _ in range(1 if device.type == "cpu" else 50):  # the device is busy when the next batch is copied
            weights = (weights @ weights).clamp(max=1)
        sums.append(((batch["A"] - index).abs().max(), batch["A"].mean()))
    assert [(off.item(), mean.item()) for off, mean in sums] == [(0, index) for index in range(10)]


@pytest.mark.parametrize("device", DEVICES)
def test_prefetch_takes_nothing_in_advance(device):
    taken = []
    batches = prefetch((taken.append(n) or {"n": n} for n in range(3)), torch.device(device))
    assert next(batches) == {"n": 0} and taken == [0]
