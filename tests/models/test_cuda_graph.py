"""Recorded steps: what is recorded, replayed, disabled. The graph is a fake; tests/test_gpu.py has a real one."""

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
        source, mask, sign, output = self.recorded
        output.copy_(source * sign + mask)

    def reset(self) -> None:
        self.recorded = None


class Model:
    """Makes its source darker, or negative in a flipped iteration; cannot be recorded at 4 pixels."""

    recording: Graph | None = None

    def __init__(self):
        self.negative, self.computed = False, 0

    def graph_key(self) -> bool:
        return self.negative

    def take(self, value: float, size: int = 8, negative: bool = False) -> None:
        self.real_A, self.mask = torch.full((1, size), value), torch.full((1, size), value * 10)
        self.negative = negative

    def step(self) -> None:
        self.computed += 1
        sign = -1.0 if self.negative else 0.5
        self.output = self.real_A * sign + self.mask
        if self.recording:
            if self.real_A.shape[1] == 4:
                raise RuntimeError("operation not permitted when stream is capturing\nand so on")
            self.recording.recorded = self.real_A, self.mask, sign, self.output


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
    assert torch.equal(model.output, torch.full((1, size), value * (9.0 if negative else 10.5)))
    assert model.real_A[0, 0] == value and model.mask[0, 0] == 10 * value


def test_recorded_step_is_replayed_on_all_tensors_of_each_batch(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(1, 9):
        check(model, step, float(number))
    assert model.computed == cuda_graph._WARMUP_STEPS + 1 and len(step.recordings) == 1


def test_recorded_step_has_a_recording_for_each_size_and_graph_key(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(6):
        for size, negative in ((8, False), (6, False), (8, True)):
            check(model, step, float(number), size, negative)
    assert len(step.recordings) == 3 and model.computed == 3 * (cuda_graph._WARMUP_STEPS + 1)


def test_recorded_step_keeps_a_limited_number_of_recordings(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(6):
        for size in range(5, 20):
            check(model, step, float(number), size)
    assert len(step.recordings) == cuda_graph._MAX_GRAPHS


def test_recorded_step_goes_on_without_a_recording_after_one_line(model, capsys):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(8):
        check(model, step, float(number), size=4)
    reason = "this step cannot be recorded (operation not permitted when stream is capturing)"
    assert capsys.readouterr().out == f"--cuda_graph is disabled: {reason}\n"


def test_recorded_step_records_anew_after_another_state_was_loaded(model):
    step = cuda_graph.RecordedStep(model, model.step)
    for number in range(1, 7):
        check(model, step, float(number))
    computed = model.computed
    step.forget()
    for number in range(1, 7):
        check(model, step, float(number))
    assert model.computed == 2 * computed and len(step.recordings) == 1
