"""The files of a training run: every path below CHECKPOINTS_DIR/NAME, once."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """Paths inside the folder of one run. The names of networks, logs, options and pages are CUT's."""

    path: Path

    @classmethod
    def of(cls, opt: Namespace) -> "RunFolder":
        """Return the folder of the run that the options name."""
        return cls(Path(opt.checkpoints_dir) / opt.name)

    @property
    def state(self) -> Path:
        """All that --continue_train reads."""
        return self.path / "latest_state.pth"

    def network(self, epoch: int | str, name: str) -> Path:
        """The weights of one network, saved in this epoch or under this label."""
        return self.path / f"{epoch}_net_{name}.pth"

    def options_text(self, phase: str) -> Path:
        """The options as CUT writes them."""
        return self.path / f"{phase}_opt.txt"

    def options_json(self, phase: str) -> Path:
        """The options for programs."""
        return self.path / f"{phase}_opt.json"

    @property
    def loss_log(self) -> Path:
        """The losses, for people."""
        return self.path / "loss_log.txt"

    @property
    def metrics(self) -> Path:
        """All that has a curve, for programs."""
        return self.path / "metrics.jsonl"

    @property
    def metrics_before(self) -> Path:
        """The metrics of an earlier run of this name."""
        return self.path / "metrics_before.jsonl"

    @property
    def web(self) -> Path:
        """The folder of the training page."""
        return self.path / "web"

    @property
    def tensorboard(self) -> Path:
        """The folder that --tensorboard writes to."""
        return self.path / "tensorboard"
