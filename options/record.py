"""The record of a run's options: CUT's `train_opt.txt`, and the same as JSON."""

import json
import re
from argparse import Namespace
from pathlib import Path

from util.errors import UserError
from util.run_folder import RunFolder

# Not restored when a run continues: where it computes, where it lies, what it started from.
_NOT_RESTORED = {"device", "gpu_ids", "isTrain", "dry_run", "continue_train", "epoch", "pretrained_name",
                 "name", "checkpoints_dir", "suffix", "from_state", "quiet", "display_password",
                 "max_memory_report", "max_minutes", "acceleration"}  # fmt: skip


def as_text(opt: Namespace, defaults: dict[str, object]) -> str:
    """Return the options one a line, sorted, in CUT's format."""
    lines = ["----------------- Options ---------------"]
    for name, value in sorted(vars(opt).items()):
        if name in {"display_password", "acceleration"}:
            continue
        changed = name in defaults and value != defaults[name] and name not in {"gpu_ids", "device"}
        note = f"\t[default: {defaults[name]}]" if changed else ""
        lines.append(f"{name:>25}: {value!s:<30}{note}".rstrip(" "))
    lines.append("----------------- End -------------------")
    return "\n".join(lines)


def save(opt: Namespace, defaults: dict[str, object], folder: RunFolder) -> None:
    """Write `PHASE_opt.txt` and `PHASE_opt.json` into the run's folder."""
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.options_text(opt.phase).write_text(as_text(opt, defaults) + "\n", encoding="utf-8")
    kept = {k: v for k, v in vars(opt).items() if k not in _NOT_RESTORED}
    kept["max_dataset_size"] = None if kept["max_dataset_size"] == float("inf") else kept["max_dataset_size"]
    text = json.dumps(kept, indent=2, sort_keys=True)
    folder.options_json(opt.phase).write_text(text + "\n", encoding="utf-8")


def load(folder: RunFolder) -> dict[str, object]:
    """Return the options of a training run; empty if it has no record.

    A run of CUT has only `train_opt.txt`. Its values are returned as text.

    Raises:
        UserError: if the record is damaged.
    """
    path = path_of(folder)
    if not path.is_file():
        return {}
    if path.suffix == ".txt":
        return _from_text(_read(path))
    try:
        options = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); remove it and give the flags yourself") from None
    if options.get("max_dataset_size") is None:
        options["max_dataset_size"] = float("inf")
    return {name: value for name, value in options.items() if name not in _NOT_RESTORED}


def path_of(folder: RunFolder) -> Path:
    """Return the file with the options that a run last trained with."""
    return folder.options_text("train") if is_upstream(folder) else folder.options_json("train")


def is_upstream(folder: RunFolder) -> bool:
    """Return True if CUT's code trained a run last. Its text has no seed."""
    text = folder.options_text("train")
    return text.is_file() and not re.search(r"^ *seed: ", _read(text), re.MULTILINE)


def next_epoch(folder: RunFolder) -> int:
    """Return the epoch to continue with without a state: the last one logged, or the one after the last saved."""
    log = folder.loss_log
    logged = re.findall(r"^\(epoch: (\d+),", _read(log), re.MULTILINE)[-1:] if log.is_file() else []
    saved = [path.name.split("_")[0] for path in folder.path.glob("*_net_G*.pth")]
    return max([1, *map(int, logged), *(int(number) + 1 for number in saved if number.isdecimal())])


def _read(path: Path) -> str:
    # CUT writes in the encoding of its system.
    return path.read_text(encoding="utf-8", errors="replace")


def _from_text(text: str) -> dict[str, object]:
    lines = [line.split("\t[default:")[0].split(":", 1) for line in text.splitlines() if ":" in line]
    return {name.strip(): value.strip() for name, value in lines if name.strip() not in _NOT_RESTORED}
