"""The record of a run's options: CUT's `train_opt.txt`, and the same as JSON. `options/record.py` reads it."""

import json
from dataclasses import dataclass

from util.files import replacing
from util.run_folder import RunFolder


@dataclass(frozen=True)
class RunRecord:
    """The options of a run: the `values` that it is continued with, and all of them as `text`."""

    folder: RunFolder
    phase: str
    values: dict[str, object]
    text: str

    def write(self) -> None:
        """Write `PHASE_opt.txt` and `PHASE_opt.json` into the run's folder."""
        self.folder.path.mkdir(parents=True, exist_ok=True)
        files = {
            self.folder.options_text(self.phase): self.text,
            self.folder.options_json(self.phase): json.dumps(self.values, indent=2, sort_keys=True),
        }
        for path, text in files.items():
            with replacing(path) as file:
                file.write(f"{text}\n".encode())
