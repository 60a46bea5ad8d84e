"""The files that a run logs to: loss_log.txt in CUT's form for people, metrics.jsonl for programs."""

import json
import time
from pathlib import Path

from util.files import replacing
from util.report.curves import values_of
from util.run_folder import RunFolder


class MetricsLog:
    """Writes each record before training goes on, so that it is there after a crash.

    A record of metrics.jsonl: `epoch`, and `epoch_iter`, the images of it that were seen; `epochs`, both as one
    number; `iteration` and `pictures`, the images, of the whole run; `losses` without their weights; `colors` in Lab
    units (color_spread.py) and `one_tone`, the alarm; `learning_rate`; `times` in seconds: of an `iteration`, of the
    part of it spent waiting for `data`, since the start (`elapsed`), and in calls of the live `monitor`; with
    --val_freq the latest figures of `validation`. A validation repeats the record before it with its own figures.
    """

    def __init__(self, folder: RunFolder):
        """Args: folder: of the run; it is created if it is absent."""
        folder.path.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.header = f"================ Training Loss ({time.strftime('%c')}) ================\n"

    def until(self, epoch: int, epoch_iter: int) -> list[dict]:
        """Return the records up to this point. A killed run has left later ones behind."""
        return [one for one in read(self.folder.metrics) if (one["epoch"], one["epoch_iter"]) <= (epoch, epoch_iter)]

    def rewind(self, kept: list[dict]) -> None:
        """Remove all other records from metrics.jsonl.

        A run that starts anew under the name of another keeps the records of that one in metrics_before.jsonl.
        """
        path = self.folder.metrics
        if not kept and read(path):
            path.replace(self.folder.metrics_before)
        with replacing(path) as file:
            file.writelines(f"{json.dumps(record)}\n".encode() for record in kept)

    def add(self, record: dict, line: str) -> None:
        """Write a record, and the line for people."""
        for path, text in ((self.folder.metrics, json.dumps(record)), (self.folder.loss_log, self.header + line)):
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        self.header = ""


def read(path: Path) -> list[dict]:
    """Return the records of a metrics.jsonl, without lines that are cut short or no records."""
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
