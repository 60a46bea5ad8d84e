"""Recorded steps: what is recorded, replayed, left out. The graph is a stand-in; tests/test_gpu.py has a real one."""

from contextlib import contextmanager, nullcontext

import pytest
import torch

from models import cuda_graph


class Stream:
    def wait_stream(self, other) -> None:
        pass


class Graph:
    """Holds what a model computed while it was recorded; a replay computes it anew into the same tensors."""

    def replay(self) -> None:
        for model in self.models:
            now = vars(model).copy()
            vars(model).update(model.recorded_inputs)
            model.compute()
            self.result.copy_(model.painted)
            vars(model).update(now)


class Model:
    """Paints its source darker, or flipped if Python says so; cannot be recorded at 4 pixels."""

    def __init__(self, graphs: list):
        self.graphs, self.flipped, self.computed = graphs, False, 0

    def choices(self) -> bool:
        return self.flipped

    def take(self, value: float, size: int = 8, flipped: bool = False) -> None:
        self.real_A, self.real_B, self.flipped = torch.full((1, size), value), torch.zeros(1, size), flipped

    def compute(self) -> None:
        self.painted = self.real_A * (-1 if self.flipped else 0.5)

    def step(self) -> None:
        if self.graphs and self.graphs[-1] == "recording":
            if self.real_A.shape[1] == 4:
                raise RuntimeError("operation not permitted when stream is capturing\nand so on")
            self.recorded_inputs = {"real_A": self.real_A, "flipped": self.flipped}
        self.computed += 1
        self.compute()


@pytest.fixture
def model(monkeypatch):
    graphs: list = []
    model = Model(graphs)

    @contextmanager
    def record(graph, **_):
        graphs.append("recording")
        try:
            yield
        finally:
            graphs.pop()
        graph.models, graph.result = [model], model.painted

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", record)
    return model


def test_a_step_is_recorded_after_some_and_replayed_with_each_new_batch(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(1, 9):
        model.take(float(number))
        step()
        assert torch.equal(model.painted, torch.full((1, 8), number / 2)) and model.real_A[0, 0] == number
    assert model.computed == cuda_graph._EAGER_STEPS + 1 and len(step.recordings) == 1


def test_another_size_and_another_choice_of_python_have_recordings_of_their_own(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(5):
        for size, flipped in ((8, False), (6, False), (8, True)):
            model.take(float(number), size, flipped)
            model.recorded_inputs = step.recordings.get((model.real_A.shape, model.real_B.shape, flipped)) and {
                "real_A": step.recordings[(model.real_A.shape, model.real_B.shape, flipped)].inputs["real_A"],
                "flipped": flipped,
            }
            step()
            assert torch.equal(model.painted, torch.full((1, size), -number if flipped else number / 2))
    assert len(step.recordings) == 3


def test_what_cannot_be_recorded_is_taken_as_ever_after_one_line(model, capsys):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(8):
        model.take(float(number), size=4)
        step()
        assert torch.equal(model.painted, torch.full((1, 4), number / 2))
    said = capsys.readouterr().out
    assert said == ("--cuda_graph: this step cannot be recorded (operation not permitted when stream is capturing); "
                    "left out\n")  # fmt: skip
