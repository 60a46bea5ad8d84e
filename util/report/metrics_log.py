"""The log of a run in files: upstream's loss_log.txt for people, metrics.jsonl for machines."""

import json
import time
from pathlib import Path

from util.report.curves import values_of
from util.files import replacing


class RunLog:
    """A line is in its file before training goes on, and so there after a crash.

    A record of metrics.jsonl: `epoch`, and `epoch_iter` of its pictures seen; `epochs`, the same as one number;
    `iteration` and `pictures` of the whole run; `losses` without their weights; `colors` in CIELAB units
    (util/report/color_spread.py) and `one_tone`, the alarm; `learning_rate`; `times` in seconds: `iteration`, `data` (of
    it waiting for pictures), `elapsed`, and `monitor`, what the live monitor took of it.
    """

    def __init__(self, folder: Path):
        """Args: folder: where the run lies; it is made if it is absent."""
        folder.mkdir(parents=True, exist_ok=True)
        self.losses, self.metrics = folder / "loss_log.txt", folder / "metrics.jsonl"
        self.header = f"================ Training Loss ({time.strftime('%c')}) ================\n"

    def rewind(self, epoch: int, epoch_iter: int) -> list[dict]:
        """Return the records up to where the run stands; later ones, of a run that was killed, are taken out.

        A run that starts anew under the name of another leaves the other's records in metrics_before.jsonl.
        """
        records = read(self.metrics)
        kept = [record for record in records if (record["epoch"], record["epoch_iter"]) <= (epoch, epoch_iter)]
        if records and not kept:
            self.metrics.replace(self.metrics.with_name("metrics_before.jsonl"))
        with replacing(self.metrics) as file:
            file.writelines(_line(record).encode() for record in kept)
        return kept

    def add(self, record: dict, line: str) -> None:
        """Write a record, and the line that people read."""
        _append(self.metrics, _line(record))
        _append(self.losses, f"{self.header}{line}\n")
        self.header = ""


def read(path: Path) -> list[dict]:
    """Return the records of a metrics.jsonl; a line that was cut short, or is none of ours, is left out."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    records = []
    for line in lines:
        try:
            record = json.loads(line)
            if values_of(record) and record.keys() >= {"epoch", "epoch_iter", "epochs"}:
                records.append(record)
        except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
            continue
    return records


def _line(record: dict) -> str:
    return json.dumps(record) + "\n"


def _append(path: Path, text: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
