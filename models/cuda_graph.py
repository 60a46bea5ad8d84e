"""--cuda_graph: a training step recorded once and replayed, so that no kernel waits for Python to launch it."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch

_WARMUP_STEPS = 3  # before recording: libraries choose their algorithms in them
_MAX_GRAPHS = 8  # each has memory of its own


@dataclass
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: dict[str, torch.Tensor]  # what a replay reads
    results: dict[str, object]  # attributes of the model, whose tensors a replay fills


class RecordedStep:
    """Replaces a model's `optimize_parameters`.

    The inputs of a step are the tensors that `set_input` has set since the step before. Tensors of another size, and
    another `graph_key` of the model, get a graph of their own. If a step cannot be recorded, a message says why and
    training continues without graphs.
    """

    def __init__(self, model: object, step: Callable[[], None]):
        """Args: model: has tensors as attributes, and `graph_key`. step: its own optimize_parameters."""
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
        kind = (*((name, value.shape) for name, value in inputs.items()), self.model.graph_key())
        self.taken[kind] += 1
        is_settled = self.taken[kind] > _WARMUP_STEPS and len(self.recordings) < _MAX_GRAPHS
        if self.works and is_settled and kind not in self.recordings:
            self._record(kind, inputs)
        if kind in self.recordings:
            self._replay(self.recordings[kind])
        elif self.works:
            self._warm_up()
        else:
            self.step()
        self.left = dict(vars(self.model))

    def forget(self) -> None:
        """Forget the recordings: they compute with the tensors of a state that another one has replaced."""
        self.taken.clear()
        self.recordings.clear()
        self.left = dict(vars(self.model))

    def _warm_up(self) -> None:
        """Take a step in the stream that will be recorded, as torch requires."""
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
            # Other threads, such as the one that pins batches, may work meanwhile.
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                self.step()
            results = {name: value for name, value in vars(model).items() if value is not before.get(name)}
            self.recordings[kind] = _Recording(graph, own, results)
        except RuntimeError as error:
            graph.reset()
            print(f"--cuda_graph is disabled: this step cannot be recorded ({str(error).strip().splitlines()[0]})")
            self.works = False
        vars(model).update(inputs)

    def _replay(self, recording: _Recording) -> None:
        for name, tensor in recording.inputs.items():
            tensor.copy_(getattr(self.model, name))
        recording.graph.replay()
        vars(self.model).update({**recording.results, **recording.inputs})
