"""The record of what a run was asked to do: upstream's `train_opt.txt`, and the same as JSON."""

import json
import re
from argparse import Namespace
from pathlib import Path

from util.errors import UserError

# Where a run computes, where it lies and what it started from must not be repeated when it goes on.
_NOT_KEPT = {"device", "gpu_ids", "isTrain", "dry_run", "continue_train", "epoch", "pretrained_name",
             "name", "checkpoints_dir", "suffix", "from_state", "quiet", "display_password",
             "max_memory_report", "served"}  # fmt: skip


def as_text(opt: Namespace, defaults: dict[str, object]) -> str:
    """Return the options one a line, sorted, in upstream's form."""
    lines = ["----------------- Options ---------------"]
    for name, value in sorted(vars(opt).items()):
        if name in {"display_password", "served"}:
            continue
        changed = name in defaults and value != defaults[name] and name not in {"gpu_ids", "device"}
        note = f"\t[default: {defaults[name]}]" if changed else ""
        lines.append(f"{name:>25}: {value!s:<30}{note}".rstrip(" "))
    lines.append("----------------- End -------------------")
    return "\n".join(lines)


def save(opt: Namespace, defaults: dict[str, object], folder: Path) -> None:
    """Write `PHASE_opt.txt` and `PHASE_opt.json` into the run's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{opt.phase}_opt.txt").write_text(as_text(opt, defaults) + "\n", encoding="utf-8")
    kept = {k: v for k, v in vars(opt).items() if k not in _NOT_KEPT}
    kept["max_dataset_size"] = None if kept["max_dataset_size"] == float("inf") else kept["max_dataset_size"]
    text = json.dumps(kept, indent=2, sort_keys=True)
    (folder / f"{opt.phase}_opt.json").write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> dict[str, object]:
    """Return the options that a training run was resolved to; empty where there is no record.

    Upstream's runs have `train_opt.txt` alone; its values are returned as the words they are written with.

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
        raise UserError(f"{path} is damaged ({error}); give the flags by hand after removing it") from None
    if options.get("max_dataset_size") is None:
        options["max_dataset_size"] = float("inf")
    return {name: value for name, value in options.items() if name not in _NOT_KEPT}


def path_of(folder: Path) -> Path:
    """Return the file that says what the run in a folder was last asked to do."""
    return folder / ("train_opt.txt" if is_upstream(folder) else "train_opt.json")


def is_upstream(folder: Path) -> bool:
    """Tell whether the run in a folder was last trained by upstream's code, whose text has no seed."""
    text = folder / "train_opt.txt"
    return text.is_file() and not re.search(r"^ *seed: ", _read(text), re.MULTILINE)


def next_epoch(folder: Path) -> int:
    """Return the epoch to go on with where there is no state: the last one logged, or the one after the last saved."""
    log = folder / "loss_log.txt"
    logged = re.findall(r"^\(epoch: (\d+),", _read(log), re.MULTILINE)[-1:] if log.is_file() else []
    saved = [path.name.split("_")[0] for path in folder.glob("*_net_G*.pth")]
    return max([1, *map(int, logged), *(int(number) + 1 for number in saved if number.isdecimal())])


def _read(path: Path) -> str:
    # Upstream writes in the encoding of the system it runs on.
    return path.read_text(encoding="utf-8", errors="replace")


def _from_text(text: str) -> dict[str, object]:
    lines = [line.split("\t[default:")[0].split(":", 1) for line in text.splitlines() if ":" in line]
    return {name.strip(): value.strip() for name, value in lines if name.strip() not in _NOT_KEPT}
