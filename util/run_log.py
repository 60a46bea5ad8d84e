"""The log of a run in files: upstream's loss_log.txt for people, metrics.jsonl for machines."""

import json
import time
from pathlib import Path

from util.files import replacing


class RunLog:
    """A line is in its file before training goes on, and so there after a crash.

    A record of metrics.jsonl: `epoch`, and `epoch_iter` of its pictures seen; `epochs`, the same as one number;
    `iteration` and `pictures` of the whole run; `losses` without their weights; `colors` in CIELAB units
    (models/color_statistics.py) and `one_tone`, the alarm; `learning_rate`; `times` in seconds: `iteration`, `data` (of
    it waiting for pictures), `elapsed`, and `monitor`, what the live monitor took of it.
    """

    def __init__(self, folder: Path, epoch: int, epoch_iter: int):
        """Args: epoch, epoch_iter: where the run stands. Later records are those of a run that was killed: they go."""
        folder.mkdir(parents=True, exist_ok=True)
        self.losses, self.metrics = folder / "loss_log.txt", folder / "metrics.jsonl"
        self.records = [r for r in read(self.metrics) if (r["epoch"], r["epoch_iter"]) <= (epoch, epoch_iter)]
        with replacing(self.metrics) as file:
            file.writelines(_line(record).encode() for record in self.records)
        _append(self.losses, f"================ Training Loss ({time.strftime('%c')}) ================\n")

    def add(self, record: dict, line: str) -> None:
        """Write a record, and the line that people read."""
        _append(self.metrics, _line(record))
        _append(self.losses, line + "\n")


def read(path: Path) -> list[dict]:
    """Return the records of a metrics.jsonl; a last line that was cut short is left out."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def _line(record: dict) -> str:
    return json.dumps(record) + "\n"


def _append(path: Path, text: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
