"""Measure how fast training is, and how near to what the machine can do.

    python scripts/benchmark.py [--upstream PATH_TO_CUT_CHECKOUT] [--size 128 256] [--ngf 64] [--models cut ...]

Every model, ours and upstream's, is built in a process of its own and takes its steps in turn with the others, on the
same random pictures: what slows the machine for a while slows all of them. A step is set_input and
optimize_parameters. Ratios are the median over rounds of ours to upstream's of the same round. Written are
OUT/benchmark.png and, with --json FILE, the rows. Hours are those of the paper's 30 epochs of 6000 pictures. Bytes are
those that each operation reads and writes, as if all went to memory; shares are of a large product's operations a
second and of a large copy's bytes a second.
"""

import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from bar_chart import Bar, draw_times
from grid import OneLineParser, positive
from measure import count_bytes, count_flops, machine, median_ratio, timed_step
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from util.errors import UserError, run
from util.memory import peak_memory

ROOT = Path(__file__).resolve().parents[1]
# What we train, and what in a checkout of CUT it is measured against.
MODELS = {
    "cut": ("--model cut", "--model cut"),
    "fastcut": ("--model cut --CUT_mode FastCUT", "--model cut --CUT_mode FastCUT"),
    "colorcut": ("--model colorcut", "--model cut"),
    "colorcut-gray": ("--model colorcut --idt_input gray", "--model cut"),
    "cyclegan": ("--model cycle_gan", None),
    "pix2pix": ("--model pix2pix --netG resnet_9blocks", None),
}


def main() -> None:
    """Measure, print the table, and write."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--upstream", type=Path, help="a checkout of taesungp/contrastive-unpaired-translation")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--size", type=positive, nargs="+", default=[128], help="sides of the pictures in pixels")
    parser.add_argument("--ngf", type=positive, default=64, help="filters of the generator, and of the discriminator")
    parser.add_argument("--batch_size", type=positive, default=1)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS)[:4])
    parser.add_argument("--fast", action="store_true", help="ours with --fast too, as rows of their own")
    parser.add_argument("--rounds", type=positive, default=10, help="steps of each model that are timed")
    parser.add_argument("--memory_runs", type=positive, default=1, help="processes that peak memory is the median of")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--json", type=Path, help="where the rows go")
    if sys.argv[1:2] == ["--worker"]:
        return work(Path(sys.argv[2]), sys.argv[3:])
    args = parser.parse_args()
    if args.upstream and not (args.upstream / "models/cut_model.py").is_file():
        raise UserError(f"--upstream {args.upstream}: expected a checkout of CUT, with models/cut_model.py")
    device = args.device if args.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:  # upstream writes its options there
        rows = [row for size in args.size for row in measured(args, device, size, folder)]
    note = f"{machine(torch.device(device))}, ngf {args.ngf}, batch {args.batch_size}, {args.rounds} rounds"
    print(f"{as_markdown(rows)}\n\n{note}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    draw(rows, note, args.out / "benchmark.png")
    return None


# ---- a process that takes steps of one model when it is told to -----------------------------------------------


def work(root: Path, flags: list[str]) -> None:
    """Build a model of the code in `root` and answer lines of stdin: `count`, `step`, `memory`."""
    sys.path.insert(0, str(root))
    for name in [name for name in sys.modules if name.split(".")[0] in ("util", "models", "data", "options")]:
        del sys.modules[name]
    from models import create_model
    from options.train_options import TrainOptions

    answers, sys.stdout = sys.stdout, sys.stderr  # what a model has to say must not pass for an answer
    sys.argv = ["train.py", *flags]  # upstream reads presets from here
    with contextlib.redirect_stdout(io.StringIO()):
        options = TrainOptions()
        opt = options.parse()
        model = create_model(opt)
        generator = torch.Generator().manual_seed(0)
        A, B = torch.rand(2, opt.batch_size, 3, opt.crop_size, opt.crop_size, generator=generator) * 2 - 1
        batch = {"A": A, "B": B, "A_paths": ["a"], "B_paths": ["b"]}
        if hasattr(model, "data_dependent_initialize"):
            model.data_dependent_initialize(batch)
        model.setup(opt)
        if hasattr(model, "parallelize"):
            model.parallelize()
    for line in getattr(options, "left_out", []):
        print(line)
    tell = {
        "count": lambda: [count_flops(model, batch), count_bytes(model, batch)],
        "step": lambda: timed_step(model, batch),
        "memory": lambda: peak_memory(model.device),
    }
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(tell[line.strip()]()), file=answers, flush=True)


@dataclass
class Worker:
    """The other end of `work`."""

    process: subprocess.Popen

    @classmethod
    def start(cls, root: Path, flags: str) -> "Worker":
        """Start a process and wait until its model is built."""
        command = [sys.executable, "-W", "ignore", __file__, "--worker", str(root), *flags.split()]
        process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != "ready\n":
            raise UserError(f"{root.name} cannot build {flags}: see above")
        return cls(process)

    def ask(self, what: str) -> float | list[float]:
        """Have it do something, and return its answer."""
        print(what, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise UserError(f"{' '.join(self.process.args[4:])}: its process ended")
        return json.loads(answer)

    def end(self) -> None:
        """End the process."""
        self.process.communicate()


# ---- all models -----------------------------------------------------------------------------------------------


def measured(args: Namespace, device: str, size: int, folder: str) -> list[dict]:
    """Return a row for each model at a size of pictures."""
    common = (f"--dataroot none --name benchmark --checkpoints_dir {folder} --gpu_ids {0 if device == 'cuda' else -1} "
              f"--batch_size {args.batch_size} --ngf {args.ngf} --ndf {args.ngf} --load_size {size} --crop_size {size} "
              "--num_threads 0 --display_id -1")  # fmt: skip
    sides = {}
    for name in args.models:
        ours, theirs = MODELS[name]
        sides[name, "ours"] = ROOT, f"{ours} {common}"
        if args.fast:
            sides[name, "fast"] = ROOT, f"{ours} {common} --fast"
        if args.upstream and theirs:
            sides[theirs, "upstream"] = args.upstream.resolve(), f"{theirs} {common}"
    # Before all are built: the largest size that a process ever had is inherited by those that it starts.
    memory = {side: memory_alone(*place, args.memory_runs) for side, place in sides.items()}
    workers = {side: Worker.start(*place) for side, place in sides.items()}
    counts = {name: workers[name, "ours"].ask("count") for name in args.models}
    for side, worker in workers.items():
        for _ in range(16 if side[1] == "fast" else 1):  # warms up; compiles, and records both sides of FastCUT's coin
            worker.ask("step")
    seconds: dict[tuple[str, str], list[float]] = {side: [] for side in workers}
    ceiling_of_flops = ceiling_of_bytes = 0.0
    for number in tqdm(range(args.rounds), f"{size}x{size}", disable=None):
        for side in list(workers)[:: 1 if number % 2 else -1]:
            seconds[side].append(workers[side].ask("step"))
        # Between the steps: what slows the machine for a while slows both.
        ceiling_of_flops, ceiling_of_bytes = map(max, (ceiling_of_flops, ceiling_of_bytes), ceilings(device))
    for worker in workers.values():
        worker.end()
    rows = []
    for name, kind in [side for side in sides if side[1] != "upstream"]:
        own, other = (name, kind), (MODELS[name][1], "upstream")
        median, (flops, moved) = statistics.median(seconds[own]), counts[name]
        rows.append({
            "model": name + " --fast" * (kind == "fast"), "size": size,
            "seconds_per_iteration": {"median": median, "min": min(seconds[own]), "max": max(seconds[own])},
            "ratio_to_upstream": median_ratio(seconds[own], seconds.get(other)),
            "hours_of_180000_pictures": median * 180_000 / args.batch_size / 3600,
            "peak_memory_bytes": memory[own], "peak_memory_bytes_of_upstream": memory.get(other),
            "flops": flops, "bytes": moved,
            "share_of_flops_ceiling": flops / median / ceiling_of_flops,
            "share_of_bytes_ceiling": moved / median / ceiling_of_bytes,
        })  # fmt: skip
    return rows


def memory_alone(root: Path, flags: str, runs: int) -> int:
    """Return the peak memory in bytes that building a model and three steps take: the median over processes."""
    peaks = []
    for _ in range(runs):
        worker = Worker.start(root, flags)
        for _ in range(3):
            worker.ask("step")
        peaks.append(worker.ask("memory"))
        worker.end()
    return statistics.median(peaks)


def ceilings(device: str) -> tuple[float, float]:
    """Return operations a second of a large product and bytes a second of a large copy, the best of three.

    The product is of matrices or a 3x3 convolution of the generator's blocks, whichever is faster: the libraries behind
    them differ.
    """
    side, count = (8192, 2**28) if device == "cuda" else (2048, 2**25)
    a, b = torch.rand(2, side, side, device=device)
    pictures, weights = torch.rand(4, 256, 64, 64, device=device), torch.rand(256, 256, 3, 3, device=device)
    source = torch.rand(count, device=device)
    target = torch.empty_like(source)

    def best(action: Callable[[], object]) -> float:
        seconds = []
        for _ in range(4):
            started = time.perf_counter()
            action()
            if device != "cpu":
                torch.accelerator.synchronize()
            seconds.append(time.perf_counter() - started)
        return min(seconds[1:])

    products = 2 * side**3 / best(lambda: a @ b)
    with torch.no_grad():
        convolution = best(lambda: torch.nn.functional.conv2d(pictures, weights, padding=1))
    convolutions = 2 * pictures.numel() * 256 * 9 / convolution
    return max(products, convolutions), 2 * 4 * count / best(lambda: target.copy_(source))


# ---- what is shown --------------------------------------------------------------------------------------------


def as_markdown(rows: list[dict]) -> str:
    """Return the table as text."""
    titles = ["", "size", "seconds an iteration", "min to max", "to upstream", "hours", "GFLOP", "GB moved",
              "of FLOP/s", "of GB/s", "peak memory, MiB", "upstream's"]  # fmt: skip
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for row in rows:
        times, ratio = row["seconds_per_iteration"], row["ratio_to_upstream"]
        theirs = row["peak_memory_bytes_of_upstream"]
        cells = [row["model"], str(row["size"]), f"{times['median']:.4g}", f"{times['min']:.4g} to {times['max']:.4g}",
                 "" if ratio is None else f"{ratio:.3f}", f"{row['hours_of_180000_pictures']:.3g}",
                 f"{row['flops'] / 1e9:.4g}", f"{row['bytes'] / 1e9:.3g}",
                 f"{row['share_of_flops_ceiling']:.0%}", f"{row['share_of_bytes_ceiling']:.0%}",
                 f"{row['peak_memory_bytes'] / 2**20:.0f}", f"{theirs / 2**20:.0f}" if theirs else ""]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(rows: list[dict], note: str, file: Path) -> None:
    """Draw a bar for each row, if matplotlib is there."""
    bars = []
    for row in rows:
        times, ratio = row["seconds_per_iteration"], row["ratio_to_upstream"]
        remark = f" ({ratio:.2f} x upstream)" if ratio else ""
        title = f"{row['model']}, {row['size']}x{row['size']}"
        bars.append(Bar(title, times["min"], times["median"], times["max"], remark))
    try:
        draw_times(bars, note, [file])
    except ImportError:
        print("no bar chart: matplotlib is not installed (scripts/install.sh figures)")


if __name__ == "__main__":
    run(main)
