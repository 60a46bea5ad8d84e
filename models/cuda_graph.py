"""`--cuda_graph`: a training step recorded once and replayed, so that no kernel waits for Python to launch it."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch

_EAGER_STEPS = 3  # before one is recorded: libraries choose their algorithms in them
_MOST_RECORDINGS = 8  # each holds memory of its own


@dataclass
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: dict[str, torch.Tensor]  # what a replay reads
    results: dict[str, object]  # attributes of the model, whose tensors a replay fills


class RecordedStep:
    """Takes the place of a model's `optimize_parameters`.

    What a step reads are the tensors that were set since the step before, as `set_input` does. What Python decides in a
    step is recorded with it: tensors of another size, and `choices` of the model, have a recording of their own. A step
    that cannot be recorded is taken as ever, after a line that says why.
    """

    def __init__(self, model: object, step: Callable[[], None]):
        """Args: model: with tensors as attributes, and `choices`; step: its own optimize_parameters."""
        self.model, self.step = model, step
        self.stream = torch.cuda.Stream()
        self.taken: Counter[Hashable] = Counter()
        self.recordings: dict[Hashable, _Recording] = {}
        self.works = True
        self.left: dict[str, object] = dict(vars(model))  # the model's attributes after the step before

    def __call__(self) -> None:
        """Take a step."""
        inputs = {name: value for name, value in vars(self.model).items()
                  if isinstance(value, torch.Tensor) and value is not self.left.get(name)}  # fmt: skip
        kind = (*((name, value.shape) for name, value in inputs.items()), self.model.choices())
        self.taken[kind] += 1
        is_settled = self.taken[kind] > _EAGER_STEPS and len(self.recordings) < _MOST_RECORDINGS
        if self.works and is_settled and kind not in self.recordings:
            self._record(kind, inputs)
        if kind in self.recordings:
            self._replay(self.recordings[kind])
        elif self.works:
            self._step_aside()
        else:
            self.step()
        self.left = dict(vars(self.model))

    def _step_aside(self) -> None:
        """Take a step in the stream that will be recorded, as recording demands."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            self.step()
        torch.cuda.current_stream().wait_stream(self.stream)

    def _record(self, kind: Hashable, inputs: dict[str, torch.Tensor]) -> None:
        model, graph = self.model, torch.cuda.CUDAGraph()
        own = {name: value.clone() for name, value in inputs.items()}
        vars(model).update(own)
        before = dict(vars(model))
        try:
            # Other threads, as the one that pins batches, may go on meanwhile.
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                self.step()
            results = {name: value for name, value in vars(model).items() if value is not before.get(name)}
            self.recordings[kind] = _Recording(graph, own, results)
        except RuntimeError as error:
            graph.reset()
            print(f"--cuda_graph: this step cannot be recorded ({str(error).strip().splitlines()[0]}); left out")
            self.works = False
        vars(model).update(inputs)

    def _replay(self, recording: _Recording) -> None:
        for name, tensor in recording.inputs.items():
            tensor.copy_(getattr(self.model, name))
        recording.graph.replay()
        vars(self.model).update({**recording.results, **recording.inputs})
