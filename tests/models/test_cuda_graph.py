"""Recorded steps: what is recorded, replayed, left out. The graph is a stand-in; tests/test_gpu.py has a real one."""

from contextlib import contextmanager, nullcontext

import pytest
import torch

from models import cuda_graph


class Stream:
    def wait_stream(self, other) -> None:
        pass


class Graph:
    """Computes anew from the tensors that were read while it was recorded, into those that were written then."""

    def replay(self) -> None:
        source, mask, sign, painted = self.recorded
        painted.copy_(source * sign + mask)

    def reset(self) -> None:
        self.recorded = None


class Model:
    """Paints its source darker, or negative if Python says so, beside a mask; cannot be recorded at 4 pixels."""

    recording: Graph | None = None

    def __init__(self):
        self.negative, self.computed = False, 0

    def choices(self) -> bool:
        return self.negative

    def take(self, value: float, size: int = 8, negative: bool = False) -> None:
        self.real_A, self.mask, self.negative = (
            torch.full((1, size), value),
            torch.full((1, size), value * 10),
            negative,
        )

    def step(self) -> None:
        self.computed += 1
        sign = -1.0 if self.negative else 0.5
        self.painted = self.real_A * sign + self.mask
        if self.recording:
            if self.real_A.shape[1] == 4:
                raise RuntimeError("operation not permitted when stream is capturing\nand so on")
            self.recording.recorded = self.real_A, self.mask, sign, self.painted


@pytest.fixture
def model(monkeypatch):
    @contextmanager
    def record(graph, **_):
        Model.recording = graph
        try:
            yield
        finally:
            Model.recording = None

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", record)
    return Model()


def check(model, step, value: float, size: int = 8, negative: bool = False) -> None:
    model.take(value, size, negative)
    step()
    assert torch.equal(model.painted, torch.full((1, size), value * (9.0 if negative else 10.5)))
    assert model.real_A[0, 0] == value and model.mask[0, 0] == 10 * value


def test_a_step_is_recorded_after_some_and_replayed_on_all_that_each_batch_sets(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(1, 9):
        check(model, step, float(number))
    assert model.computed == cuda_graph._EAGER_STEPS + 1 and len(step.recordings) == 1


def test_another_size_and_another_choice_of_python_have_recordings_of_their_own(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(6):
        for size, negative in ((8, False), (6, False), (8, True)):
            check(model, step, float(number), size, negative)
    assert len(step.recordings) == 3 and model.computed == 3 * (cuda_graph._EAGER_STEPS + 1)


def test_recordings_do_not_grow_without_end(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(6):
        for size in range(5, 20):
            check(model, step, float(number), size)
    assert len(step.recordings) == cuda_graph._MOST_RECORDINGS


def test_what_cannot_be_recorded_is_taken_as_ever_after_one_line(model, capsys):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(8):
        check(model, step, float(number), size=4)
    said = capsys.readouterr().out
    assert said == ("--cuda_graph: this step cannot be recorded (operation not permitted when stream is capturing); "
                    "left out\n")  # fmt: skip
