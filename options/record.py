"""The record of a run's options: in its state, in CUT's `train_opt.txt`, and the same as JSON."""

import json
import re
from argparse import Namespace
from pathlib import Path

from util import checkpoint
from util.errors import UserError
from util.run.run_record import RunRecord
from util.run_folder import RunFolder

# Not restored when a run continues: where it computes, where it lies, what it started from.
_NOT_RESTORED = {"device", "gpu_ids", "isTrain", "dry_run", "continue_train", "epoch", "pretrained_name",
                 "name", "checkpoints_dir", "suffix", "from_state", "quiet", "display_password",
                 "max_memory_report", "time_limit", "overwrite", "acceleration"}  # fmt: skip


def of(opt: Namespace, defaults: dict[str, object]) -> RunRecord:
    """Return the record of these options."""
    values = {name: value for name, value in vars(opt).items() if name not in _NOT_RESTORED}
    values["max_dataset_size"] = None if values["max_dataset_size"] == float("inf") else values["max_dataset_size"]
    return RunRecord(RunFolder.of(opt), opt.phase, values, as_text(opt, defaults))


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


def of_state(folder: RunFolder) -> dict[str, object]:
    """Return the options that the newest readable state of this run was saved with; empty if there are none."""
    try:
        run_id = load(folder).get("run_id")
    except UserError:
        run_id = None
    for path in folder.states():
        try:
            state = checkpoint.load(path)
        except UserError:  # it is named when the run continues
            continue
        options = state.get("options") if isinstance(state, dict) else None
        if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
            continue
        # A run that replaces another writes its first state before its record.
        if state.get("replaces_run") or run_id in (None, options.get("run_id")):
            return _restored(options)
    return {}


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
        return _restored(dict(json.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); remove it and give the flags yourself") from None


def _restored(options: dict[str, object]) -> dict[str, object]:
    if options.get("max_dataset_size") is None:
        options = {**options, "max_dataset_size": float("inf")}
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
