"""`--cuda_graph`: a training step recorded once and replayed, so that no kernel waits for Python to launch it."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch

_EAGER_STEPS = 3  # before one is recorded: libraries choose their algorithms in them


@dataclass
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: dict[str, torch.Tensor]  # what a replay reads
    results: dict[str, object]  # attributes of the model, whose tensors a replay fills


class RecordedStep:
    """Takes the place of a model's `optimize_parameters`.

    What Python decides in a step is recorded with it: pictures of another size, and `choices` of the model, have a
    recording of their own. A step that cannot be recorded is taken as ever, after a line that says why.
    """

    def __init__(self, model: object, step: Callable[[], None]):
        """Args: model: with real_A, real_B and `choices`; step: its own optimize_parameters."""
        self.model, self.step = model, step
        self.stream = torch.cuda.Stream()
        self.taken: Counter[Hashable] = Counter()
        self.recordings: dict[Hashable, _Recording] = {}
        self.works = True

    def __call__(self) -> None:
        """Take a step."""
        model = self.model
        kind = (model.real_A.shape, model.real_B.shape, model.choices())
        self.taken[kind] += 1
        if not self.works:
            self.step()
        elif self.taken[kind] <= _EAGER_STEPS:
            self._step_aside()
        else:
            if kind not in self.recordings:
                self._record(kind)
            if self.works:
                self._replay(self.recordings[kind])

    def _step_aside(self) -> None:
        """Take a step in the stream that will be recorded, as recording demands."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            self.step()
        torch.cuda.current_stream().wait_stream(self.stream)

    def _record(self, kind: Hashable) -> None:
        model, graph = self.model, torch.cuda.CUDAGraph()
        inputs = {name: getattr(model, name).clone() for name in ("real_A", "real_B")}
        batch = {name: getattr(model, name) for name in inputs}
        vars(model).update(inputs)
        before = dict(vars(model))
        try:
            # Other threads, as the one that pins batches, may go on meanwhile.
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                self.step()
        except RuntimeError as error:
            print(f"--cuda_graph: this step cannot be recorded ({str(error).strip().splitlines()[0]}); left out")
            self.works = False
            vars(model).update(batch)
            self.step()
            return
        results = {name: value for name, value in vars(model).items() if value is not before.get(name)}
        self.recordings[kind] = _Recording(graph, inputs, results)
        vars(model).update(batch)

    def _replay(self, recording: _Recording) -> None:
        model = self.model
        for name, tensor in recording.inputs.items():
            tensor.copy_(getattr(model, name))
        recording.graph.replay()
        vars(model).update({**recording.results, **recording.inputs})
