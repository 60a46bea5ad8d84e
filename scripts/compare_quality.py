"""Compare what ways of training learn: compare_quality.py DATAROOT [--small] [--variants V...] [FLAG OF train.py...].

Each variant is trained with each seed in the paper's recipe of ColorCUT (--small: that for CPUs) with the FLAGs given;
called again, runs go on where they stopped. evaluate.py measures them. Printed are both of its figures for each seed,
and how far a variant is from the first one, seed by seed, beside how far the seeds of the first are from each other: a
smaller difference is not seen. A variant is a name below, or one of your own with its flags, as in
`--variants lean "smooth=--lambda_TV 1"`.
"""

import argparse
import json
import shlex
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from grid import OneLineParser

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from options.train_options import TrainOptions
from util.errors import run
from util.run.state import state_path

ROOT = Path(__file__).resolve().parents[1]
# name -> program and flags
VARIANTS = {
    "lean": "train.py",
    "twin": "scripts/slow_twin.py",
    "gray": "train.py --idt_input gray",
    "fast": "train.py --fast",
}
FIGURES = {
    "ab_error": "ab-error on held-out style pictures",
    "ab_distance": "distance of the painted pictures' colours to the style",
}
# Rows of evaluate.py that no training changes.
FIXED = ("grey", "mean colour", "held-out style")


@dataclass
class Training:
    """A variant with a seed: the program, the flags that begin the run and those that go on with it, its options."""

    program: str
    begin: list[str]
    go_on: list[str]
    opt: Namespace


def main() -> None:
    """Train, measure, print."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("dataroot", type=Path)
    parser.add_argument("--small", action="store_true", help="the recipe for CPUs")
    parser.add_argument("--variants", nargs="+", type=variant, default=[variant("lean"), variant("twin")])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--results_dir", type=Path, default=Path("results"), help="where evaluate.py writes")
    args, flags = parser.parse_known_args()
    sys.argv[0] = "train.py"  # whose --help lists the flags of variants, should one be unknown
    # All before the first is trained: a mistake is named now, not hours later.
    plan = {name: [planned(name, words, seed, args, flags) for seed in args.seeds] for name, words in args.variants}
    metrics = {name: [measure(one, args.results_dir) for one in trainings] for name, trainings in plan.items()}
    print("\n".join(["", *(f"{table(figure, args.seeds, metrics)}\n" for figure in FIGURES)]))


def variant(text: str) -> tuple[str, list[str]]:
    """Read NAME or NAME=FLAGS; return the name, and the program and flags."""
    name, given, flags = text.partition("=")
    if not given and name not in VARIANTS:
        raise argparse.ArgumentTypeError(f"expected NAME=FLAGS, or one of {', '.join(VARIANTS)}, not {text}")
    return name, shlex.split(f"train.py {flags}" if given else VARIANTS[name])


def planned(name: str, words: list[str], seed: int, args: Namespace, flags: list[str]) -> Training:
    """Return the training of a variant with a seed.

    Raises:
        UserError: if a flag is wrong.
    """
    program, *own = words
    data_root = args.dataroot.resolve()
    run_name = ["--name", f"{data_root.name}_{name}{'_small' * args.small}_seed{seed}", "--seed", str(seed)]
    recipe = ["--dataroot", str(data_root), "--preset", "small" if args.small else "paper", "--model", "colorcut"]
    begin = [*recipe, *own, *flags, *run_name]
    return Training(program, begin, [*own, *flags, *run_name, "--continue_train"], TrainOptions(begin).parse())


def measure(training: Training, results_dir: Path) -> dict[str, dict[str, float]]:
    """Train to the last epoch if that is not done; return the rows of evaluate.py, the run's own as `run`."""
    opt = training.opt
    last = Path(opt.checkpoints_dir) / opt.name / f"{opt.n_epochs + opt.n_epochs_decay}_net_G.pth"
    if not last.is_file():
        call(training.program, training.go_on if state_path(opt).is_file() else training.begin)
    if not last.is_file():
        sys.exit(f"error: {opt.name} was stopped; the same command goes on with it")
    places = ["--dataroot", opt.dataroot, "--checkpoints_dir", opt.checkpoints_dir, "--results_dir", str(results_dir)]
    device = ",".join(map(str, opt.gpu_ids)) or "-1"
    call("evaluate.py", [*places, "--name", opt.name, "--gpu_ids", device, "--load_size", str(opt.load_size)])
    rows = json.loads((results_dir / opt.name / "evaluation_latest/metrics.json").read_text(encoding="utf-8"))
    rows["run"] = rows.pop(opt.name)
    return rows


def call(program: str, flags: list[str]) -> None:
    """Run one of our programs; where it fails, its own line says why."""
    with subprocess.Popen([sys.executable, str(ROOT / program), *flags]) as process:
        if process.wait():
            sys.exit(process.returncode)


def table(figure: str, seeds: list[int], metrics: dict[str, list[dict]]) -> str:
    """Return a figure of all variants as markdown."""
    first = next(iter(metrics))
    titles = [FIGURES[figure], *(f"seed {seed}" for seed in seeds), "mean", "max - min",
              f"difference to {first} by seed", "their mean", f"max - min of {first}"]  # fmt: skip
    rows = [[row, *[""] * len(seeds), f"{metrics[first][0][row][figure]:.2f}", *[""] * 4] for row in FIXED]
    values = {name: [of_seed["run"][figure] for of_seed in of_seeds] for name, of_seeds in metrics.items()}
    for name, own in values.items():
        rows.append([name, *(f"{value:.2f}" for value in own), f"{mean(own):.2f}", f"{spread(own):.2f}"])
        differences = [value - base for value, base in zip(own, values[first], strict=True)]
        by_seed = ", ".join(f"{difference:+.2f}" for difference in differences)
        compared = [by_seed, f"{mean(differences):+.2f}", f"{spread(values[first]):.2f}"]
        rows[-1] += [""] * 3 if name == first else compared
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [titles, ["---"] * len(titles), *rows])


def spread(values: list[float]) -> float:
    """Return how far values are from each other."""
    return max(values) - min(values)


if __name__ == "__main__":
    run(main)
