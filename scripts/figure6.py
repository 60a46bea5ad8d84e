"""Time a training iteration of each row of the paper: figure6.py DATAROOT [--small] [FLAG OF train.py...].

The flags of each row are those that its script prints; FLAGs given here go to all rows. All models are built in one
process, and take a step each in turn on a real batch of their own, so that what slows the machine for a while slows
all of them: ratios are the median over rounds of the ratio within a round. Peak memory is that of a process of its
own for each row. Written are OUT/figure6.csv, .png and .svg; the same table is printed.
"""

import csv
import os
import shlex
import statistics
import subprocess
import sys
import time
from argparse import SUPPRESS, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path

from bar_chart import Bar, draw_times
from grid import TITLES, OneLineParser, positive
from measure import count_flops, machine, median_ratio, step
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from data import create_dataset
from models import BaseModel, create_model
from options.train_options import TrainOptions
from util.checkpoint import seed_everything
from util.errors import UserError, run
from util.memory import peak_memory

ROOT = Path(__file__).resolve().parents[1]
EPOCHS, PICTURES = 30, 6000  # of the training that hours are extrapolated to


@dataclass
class Cost:
    """A line of the table: what one training iteration of a row costs. Ratios are None without the row they are to."""

    row: str
    median_s: float
    min_s: float
    max_s: float
    ratio_to_cyclegan: float | None
    ratio_to_cut: float | None
    gflop: float
    peak_memory_mib: float
    hours_30_epochs_of_6000: float


def main() -> None:
    """Measure all rows, then write and print."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("dataroot", type=Path)
    parser.add_argument("--small", action="store_true", help="the rows' small recipe, for CPUs")
    parser.add_argument("--rows", nargs="+", choices=list(TITLES), default=list(TITLES), metavar="ROW")
    parser.add_argument("--rounds", type=positive, default=10, help="iterations of each row that are timed")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--alone", action="store_true", help=SUPPRESS)
    args, flags = parser.parse_known_args()
    sys.argv[0] = "train.py"  # whose --help lists the flags of rows, should one be unknown
    options = {row: options_of(row, args, flags) for row in args.rows}
    if args.alone:
        print(peak_bytes(options[args.rows[0]]))
        return
    # Before anything is built here: a new process inherits the largest size of the one that starts it.
    memory = {row: memory_alone(row, args, flags) for row in args.rows}
    costs, note = measure(options, args.rounds, memory)
    write(costs, note, args.out)


def options_of(row: str, args: Namespace, flags: list[str]) -> Namespace:
    """Return the options of training that the row's script and the flags of the command line give."""
    script = [str(ROOT / f"scripts/{row}.sh"), str(args.dataroot), *["--small"] * args.small]
    answer = subprocess.run(script, env={**os.environ, "PRINT_FLAGS": "1"}, capture_output=True, text=True)
    if answer.returncode:
        raise UserError(last_line(answer.stderr))
    given = ["--dataroot", str(args.dataroot), "--name", "figure6", "--seed", "0"]
    return TrainOptions([*given, *shlex.split(answer.stdout), *flags, "--num_threads", "0"]).parse()


def last_line(stderr: str) -> str:
    """Return the message of a program that ended in one line."""
    return (stderr.strip() or "error: no message").splitlines()[-1].removeprefix("error: ")


# ---- one model ---------------------------------------------------------------------------------------------------


def built(opt: Namespace) -> tuple[BaseModel, dict]:
    """Return the model that the options make, and a batch of its data set."""
    seed_everything(opt.seed)
    batch = next(iter(create_dataset(opt)))
    model = create_model(opt)
    model.setup(opt)
    return model, batch


def peak_bytes(opt: Namespace) -> int:
    """Return the most memory that building the row and three steps took: CUDA's, else of the process, in bytes."""
    model, batch = built(opt)
    for _ in range(3):
        step(model, batch)
    return peak_memory(model.device)


def memory_alone(row: str, args: Namespace, flags: list[str]) -> int:
    """Return `peak_bytes` of the row, from a process of its own."""
    own = [str(args.dataroot), *["--small"] * args.small, "--rows", row, "--alone"]
    answer = subprocess.run([sys.executable, __file__, *own, *flags], capture_output=True, text=True)
    if answer.returncode:
        raise UserError(f"{row}: {last_line(answer.stderr)}")
    return int(answer.stdout.splitlines()[-1])


# ---- all rows ----------------------------------------------------------------------------------------------------


def measure(options: dict[str, Namespace], rounds: int, memory: dict[str, int]) -> tuple[list[Cost], str]:
    """Return the cost of each row, and a line that says on what it was measured."""
    models = {row: built(opt) for row, opt in options.items()}
    flops = {row: count_flops(*model) for row, model in models.items()}
    seconds: dict[str, list[float]] = {row: [] for row in models}
    for _ in tqdm(range(rounds), "rounds", disable=None):
        for row, model in models.items():
            started = time.perf_counter()
            step(*model)
            seconds[row].append(time.perf_counter() - started)
    costs = []
    for row, opt in options.items():
        median = statistics.median(seconds[row])
        ratios = [median_ratio(seconds[row], seconds.get(other)) for other in ("cyclegan", "cut")]
        hours = median * EPOCHS * PICTURES / opt.batch_size / 3600
        times = (median, min(seconds[row]), max(seconds[row]))
        costs.append(Cost(row, *times, *ratios, flops[row] / 1e9, memory[row] / 2**20, hours))
    return costs, f"{rounds} rounds on {describe(next(iter(options.values())), next(iter(models.values()))[1])}"


def describe(opt: Namespace, batch: dict) -> str:
    """Return what was computed on: the device and the pictures."""
    height, width = batch["A"].shape[2:]
    return f"{machine(opt.device)}, pictures of {width}x{height}, batch {opt.batch_size}"


def write(costs: list[Cost], note: str, folder: Path) -> None:
    """Write the table and the figure, and print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "figure6.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(asdict(costs[0])), lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(cost) for cost in costs)
    draw(costs, note, folder)
    memory = "peak memory: what torch allocates on a GPU, else the whole process"
    print(f"{as_markdown(costs)}\n\n{note}; {memory}\nthe figure is {folder / 'figure6.png'}")


def as_markdown(costs: list[Cost]) -> str:
    """Return the table as text."""
    titles = ["", "seconds an iteration", "min to max", "to CycleGAN", "to CUT", "GFLOP an iteration",
              "peak memory, MiB", f"hours for {EPOCHS} epochs of {PICTURES}"]  # fmt: skip
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for cost in costs:
        ratios = ["" if value is None else f"{value:.3f}" for value in (cost.ratio_to_cyclegan, cost.ratio_to_cut)]
        cells = [TITLES[cost.row], f"{cost.median_s:.4g}", f"{cost.min_s:.4g} to {cost.max_s:.4g}", *ratios,
                 f"{cost.gflop:.4g}", f"{cost.peak_memory_mib:.0f}", f"{cost.hours_30_epochs_of_6000:.3g}"]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(costs: list[Cost], note: str, folder: Path) -> None:
    """Draw a bar for each row."""
    bars = []
    for cost in costs:
        share = "" if cost.ratio_to_cyclegan is None else f" ({cost.ratio_to_cyclegan:.2f} x CycleGAN)"
        bars.append(Bar(TITLES[cost.row], cost.min_s, cost.median_s, cost.max_s, share))
    draw_times(bars, note, [folder / "figure6.png", folder / "figure6.svg"])


if __name__ == "__main__":
    run(main)
