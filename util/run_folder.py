"""Every path of a training run, below CHECKPOINTS_DIR/NAME. The file names are CUT's where CUT has such a file."""

import os
from argparse import Namespace
from pathlib import Path

from util.errors import UsageError

_LONGEST_NAME = 200  # of a file or folder, in bytes: systems take 255, and suffixes are added


class RunFolder:
    """The paths inside the folder of one run."""

    def __init__(self, path: Path):
        self.path = path
        self.state = path / "latest_state.pth"  # all that --continue_train needs
        self.lock = path / ".lock"  # held by the process that trains
        self.loss_log = path / "loss_log.txt"  # losses for people
        self.metrics = path / "metrics.jsonl"  # everything that has a curve, for programs
        self.metrics_before = path / "metrics_before.jsonl"  # metrics of an earlier run of this name
        self.web = path / "web"  # the training page
        self.tensorboard = path / "tensorboard"

    @classmethod
    def of(cls, opt: Namespace) -> "RunFolder":
        """Return the folder of the run that the options name."""
        return cls(Path(opt.checkpoints_dir) / opt.name)

    def network(self, epoch: int | str, name: str) -> Path:
        """Return the file of one network, saved in this epoch or under this label."""
        return self.path / f"{epoch}_net_{name}.pth"

    def earlier_state(self, number: int) -> Path:
        """Return the file of the state that was saved `number` saves before the latest one."""
        return self.path / f"earlier_state_{number}.pth"

    def states(self) -> list[Path]:
        """Return the files of all states, the newest first."""
        earlier = [path for path in self.path.glob("earlier_state_*.pth") if _number_of(path).isdecimal()]
        latest = [self.state] if self.state.is_file() else []
        return latest + sorted(earlier, key=lambda path: int(_number_of(path)))

    def networks(self) -> list[Path]:
        """Return the files of all saved networks."""
        return sorted(self.path.glob("*_net_*.pth"))

    def saved_files(self) -> list[Path]:
        """Return what a run would be lost with: its states and networks."""
        return self.states() + self.networks()

    def options_text(self, phase: str) -> Path:
        """Return the file of the options in CUT's format."""
        return self.path / f"{phase}_opt.txt"

    def options_json(self, phase: str) -> Path:
        """Return the file of the options for programs."""
        return self.path / f"{phase}_opt.json"


def _number_of(earlier_state: Path) -> str:
    return earlier_state.stem.removeprefix("earlier_state_")


def check_name(flag: str, name: str) -> None:
    """Raise a UsageError if a name is empty, too long, or would lead out of the folder that it is in."""
    path = Path(name)
    if not name.strip() or not path.parts or ".." in path.parts or path.is_absolute() or "\0" in name:
        raise UsageError(f"--{flag} {name!r}: expected a name that stays in its folder")
    if max(len(os.fsencode(part)) for part in path.parts) > _LONGEST_NAME:
        raise UsageError(f"--{flag} {name[:40]}...: expected a name of at most {_LONGEST_NAME} bytes")
