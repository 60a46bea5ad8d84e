"""Time a training iteration of each row of the paper: figure6.py DATAROOT [--small] [FLAG OF train.py...].

The flags of each row are those that its script prints; FLAGs given here go to all rows. The models take a step each in
turn, on a batch of their dataset. Ratios are the median over rounds of the ratio within a round. The table is printed
and written to OUT/figure6.csv; the chart goes to OUT/figure6.png and .svg.
"""

import csv
import os
import shlex
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from data import create_dataset
from options.parser import OneLineParser
from options.train_options import TrainOptions
from scripts.lib.arguments import TITLES, positive
from scripts.lib.bar_chart import draw_times
from scripts.lib.timing import Model, describe_machine, measure, median_ratio
from util.errors import UsageError, run
from util.markdown import table_of

COLUMNS = {
    "": "{title}",
    "seconds an iteration": "{median_s:.4g}",
    "min to max": "{min_s:.4g} to {max_s:.4g}",
    "to CycleGAN": "{ratio_to_cyclegan:.3f}",
    "to CUT": "{ratio_to_cut:.3f}",
    "GFLOP an iteration": "{gflop:.4g}",
    "peak memory, MiB": "{peak_memory_mib:.0f}",
    "hours for 30 epochs of 6000": "{hours_30_epochs_of_6000:.3g}",
}


def main() -> None:
    """Measure all rows, then write and print."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("dataroot", type=Path)
    parser.add_argument("--small", action="store_true", help="the rows' small recipe, for CPUs")
    parser.add_argument("--rows", nargs="+", choices=list(TITLES), default=list(TITLES), metavar="ROW")
    parser.add_argument("--rounds", type=positive, default=10, help="iterations of each row that are timed")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    args, flags = parser.parse_known_args()
    sys.argv[0] = "train.py"  # an error message names the program that lists the flags
    flags = {row: [*flags_of(row, args), *flags, "--num_threads", "0"] for row in args.rows}
    options = {row: TrainOptions(flags[row]).parse() for row in args.rows}
    costs = measure({row: Model(flags[row], options[row].batch_size) for row in args.rows}, args.rounds)
    records = []
    for row, cost in costs.items():
        ratios = {f"ratio_to_{other}": median_ratio(cost, costs.get(other)) for other in ("cyclegan", "cut")}
        records.append({"row": row, "title": TITLES[row], **cost, **ratios})
    note = f"{args.rounds} rounds on {describe(options[args.rows[0]])}"
    draw_times(records, "CycleGAN", note, [args.out / "figure6.png", args.out / "figure6.svg"])
    with (args.out / "figure6.csv").open("w", newline="", encoding="utf-8") as file:
        names = [name for name in records[0] if name not in ("title", "seconds")]
        writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    memory = "peak memory: what torch allocates on a GPU, else the whole process"
    print(f"{table_of(COLUMNS, records)}\n\n{note}; {memory}\nthe figure is {args.out / 'figure6.png'}")


def flags_of(row: str, args: Namespace) -> list[str]:
    """Return the flags of train.py that the row's script prints."""
    script = [Path(__file__).with_name(f"{row}.sh"), args.dataroot, *(["--small"] if args.small else [])]
    answer = subprocess.run(script, env={**os.environ, "PRINT_FLAGS": "1"}, capture_output=True, text=True)
    if answer.returncode:
        raise UsageError(answer.stderr.strip().removeprefix("error: "))
    return ["--dataroot", str(args.dataroot), "--name", "figure6", "--seed", "0", *shlex.split(answer.stdout)]


def describe(opt: Namespace) -> str:
    """Return what was computed on: the device and the images."""
    height, width = next(iter(create_dataset(opt)))["A"].shape[2:]
    return f"{describe_machine(opt.device)}, images of {width}x{height}, batch {opt.batch_size}"


if __name__ == "__main__":
    run(main)
