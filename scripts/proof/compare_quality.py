"""Compare what variants of training learn.

    python -m scripts.proof.compare_quality DATAROOT [--small] [--variants V...] [FLAG OF train.py...]

Each variant is trained with each seed in the paper's recipe of ColorCUT (--small: that for CPUs) with the FLAGs given;
called again, runs continue where they stopped. evaluate.py measures them. The tables show three figures for each seed,
and the differences of a variant to the first one, seed by seed, beside the range of the first one's seeds: a
smaller difference is not evidence. A variant is a name below, or one of your own with its flags, as in
`--variants lean "smooth=--lambda_TV 1"`.
"""

import argparse
import itertools
import json
import shlex
from argparse import Namespace
from pathlib import Path
from statistics import mean

from options.parser import OneLineParser
from scripts.lib.training import call, check, train
from util.errors import run
from util.markdown import as_table

# name -> program and flags
VARIANTS = {
    "lean": "train.py",
    "reference": "scripts/proof/reference_step.py",
    "gray": "train.py --idt_input gray",
    "fast": "train.py --fast",
}
FIGURES = {
    "ab_error": "ab-error on held-out style images",
    "patch_distance": "patch distance on held-out style images",
    "ab_distance": "distance of the output's colors to the style",
}


def main() -> None:
    """Train, measure, print."""
    parser = OneLineParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("dataroot", type=Path)
    parser.add_argument("--small", action="store_true", help="the recipe for CPUs")
    parser.add_argument("--variants", nargs="+", type=variant, default=[variant("lean"), variant("reference")])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--results_dir", type=Path, default=Path("results"), help="where evaluate.py writes")
    args, flags = parser.parse_known_args()
    plan = {name: [command(name, words, seed, args, flags) for seed in args.seeds] for name, words in args.variants}
    check(of_run for _, *of_run in itertools.chain(*plan.values()))
    metrics = {
        name: [measure(program, of_run, args.results_dir) for program, *of_run in runs] for name, runs in plan.items()
    }
    print("\n".join(["", *(f"{table(figure, args.seeds, metrics)}\n" for figure in FIGURES)]))


def variant(text: str) -> tuple[str, list[str]]:
    """Parse NAME or NAME=FLAGS; return the name, and the program and flags."""
    name, given, flags = text.partition("=")
    if not given and name not in VARIANTS:
        raise argparse.ArgumentTypeError(f"expected NAME=FLAGS, or one of {', '.join(VARIANTS)}, not {text}")
    return name, shlex.split(f"train.py {flags}" if given else VARIANTS[name])


def command(name: str, words: list[str], seed: int, args: Namespace, flags: list[str]) -> list[str]:
    """Return the program of a variant, and its flags with a seed."""
    dataroot, preset = args.dataroot.resolve(), "small" if args.small else "paper"
    run_name = f"{dataroot.name}_{name}_small_seed{seed}" if args.small else f"{dataroot.name}_{name}_seed{seed}"
    program, *own = words
    recipe = ["--dataroot", str(dataroot), "--preset", preset, "--model", "colorcut"]
    return [program, *recipe, *own, *flags, "--name", run_name, "--seed", str(seed)]


def measure(program: str, flags: list[str], results_dir: Path) -> dict[str, dict[str, float]]:
    """Train to the last epoch if that is not done; return the rows of evaluate.py, the run's own as `run`."""
    opt = train(flags, program)
    folders = ["--dataroot", opt.dataroot, "--checkpoints_dir", opt.checkpoints_dir, "--results_dir", str(results_dir)]
    device = ",".join(map(str, opt.gpu_ids)) or "-1"
    call("evaluate.py", [*folders, "--name", opt.name, "--gpu_ids", device])
    table = json.loads((results_dir / opt.name / "evaluation_latest/metrics.json").read_text(encoding="utf-8"))
    rows = {row: {name: figure["value"] for name, figure in figures.items()} for row, figures in table.items()}
    rows["run"] = rows.pop(opt.name)
    return rows


def table(figure: str, seeds: list[int], metrics: dict[str, list[dict]]) -> str:
    """Return a figure of all variants as markdown. Rows of evaluate.py that no training changes come first."""
    first = next(iter(metrics))
    titles = [FIGURES[figure], *(f"seed {seed}" for seed in seeds), "mean", "max - min"]
    titles += [f"difference to {first} by seed", "their mean", f"max - min of {first}"]
    fixed = {row: values[figure] for row, values in metrics[first][0].items() if row != "run"}
    rows = [[row, *[""] * len(seeds), f"{value:.2f}", *[""] * 4] for row, value in fixed.items()]
    values = {name: [of_seed["run"][figure] for of_seed in of_seeds] for name, of_seeds in metrics.items()}
    spread = {name: f"{max(own) - min(own):.2f}" for name, own in values.items()}
    for name, own in values.items():
        differences = [value - base for value, base in zip(own, values[first], strict=True)]
        by_seed = ", ".join(f"{difference:+.2f}" for difference in differences)
        compared = ["", "", ""] if name == first else [by_seed, f"{mean(differences):+.2f}", spread[first]]
        rows.append([name, *(f"{value:.2f}" for value in own), f"{mean(own):.2f}", spread[name], *compared])
    return as_table(titles, rows)


if __name__ == "__main__":
    run(main)
