"""Measure how fast training is, and how near to what the machine can do.

    python scripts/benchmark.py [--upstream PATH_TO_CUT_CHECKOUT] [--size 128 256] [--ngf 64] [--models cut ...]

Every model, ours and upstream's, takes its steps in a process of its own, in turn with the others, on the same random
images. A step is set_input and optimize_parameters. Ratios are the median over rounds of ours to upstream's of the same
round. The table is printed; a chart goes to OUT/benchmark.png and, with --json FILE, the rows to FILE. Hours are those
of the paper's 30 epochs of 6000 images. Bytes are those that each operation reads and writes, as if all went to memory;
shares are of a large product's operations a second and of a large copy's bytes a second.
"""

import json
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F

from options.parser import OneLineParser
from scripts.lib.arguments import positive
from scripts.lib.bar_chart import draw_times
from scripts.lib.timing import Model, describe_machine, measure, median_ratio
from util.errors import UsageError, run
from util.markdown import table_of

# The flags of our model, and of the model in a checkout of CUT that it is compared with.
MODELS = {
    "cut": ("--model cut", "--model cut"),
    "fastcut": ("--model cut --CUT_mode FastCUT", "--model cut --CUT_mode FastCUT"),
    "colorcut": ("--model colorcut", "--model cut"),
    "colorcut-gray": ("--model colorcut --idt_input gray", "--model cut"),
    "best": ("--model colorcut --preset best", "--model cut"),
    "cyclegan": ("--model cycle_gan", ""),
    "sincut": ("--model sincut", "--model sincut"),
    "pix2pix": ("--model pix2pix --netG resnet_9blocks", ""),
}
COLUMNS = {
    "": "{model}",
    "size": "{size}",
    "seconds an iteration": "{median_s:.4g}",
    "min to max": "{min_s:.4g} to {max_s:.4g}",
    "to upstream": "{ratio_to_upstream:.3f}",
    "hours": "{hours_30_epochs_of_6000:.3g}",
    "GFLOP": "{gflop:.4g}",
    "GB moved": "{gb_moved:.3g}",
    "of FLOP/s": "{share_of_flops:.0%}",
    "of GB/s": "{share_of_bytes:.0%}",
    "peak memory, MiB": "{peak_memory_mib:.0f}",
    "upstream's": "{peak_memory_mib_of_upstream:.0f}",
}


def main() -> None:
    """Measure, print the table, and write."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--upstream", type=Path, help="a checkout of taesungp/contrastive-unpaired-translation")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--size", type=positive, nargs="+", default=[128], help="sides of the images in pixels")
    parser.add_argument("--ngf", type=positive, default=64, help="filters of the generator, and of the discriminator")
    parser.add_argument("--batch_size", type=positive, default=1)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS)[:5])
    parser.add_argument("--fast", action="store_true", help="ours with --fast too, as rows of their own")
    parser.add_argument("--rounds", type=positive, default=10, help="steps of each model that are timed")
    parser.add_argument("--memory_runs", type=positive, default=1, help="processes that peak memory is the median of")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--json", type=Path, help="file to write the rows to")
    args = parser.parse_args()
    if args.upstream and not (args.upstream / "models/cut_model.py").is_file():
        raise UsageError(f"--upstream {args.upstream}: expected a checkout of CUT, with models/cut_model.py")
    if args.device == "auto":
        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:  # upstream writes its options there
        records = [record for size in args.size for record in measure_size(args, size, folder)]
    machine = describe_machine(torch.device(args.device))
    note = f"{machine}, ngf {args.ngf}, batch {args.batch_size}, {args.rounds} rounds"
    print(f"{table_of(COLUMNS, records)}\n\n{note}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
    try:
        draw_times(records, "upstream", note, [args.out / "benchmark.png"])
    except ImportError:
        print("no bar chart: matplotlib is not installed (scripts/install.sh figures)")


def measure_size(args: Namespace, size: int, folder: str) -> Iterator[dict]:
    """Yield a record for each of our models at a size of images."""
    common = f"""--dataroot none --name benchmark --checkpoints_dir {folder} --num_threads 0 --display_id -1
        --gpu_ids {0 if args.device == "cuda" else -1} --batch_size {args.batch_size} --ngf {args.ngf} --ndf {args.ngf}
        --load_size {size} --crop_size {size}"""
    models, ceilings, upstream = {}, [], args.upstream and args.upstream.resolve()
    for name in args.models:
        ours, theirs = (f"{flags} {common}".split() for flags in MODELS[name])
        models[name] = Model(ours, args.batch_size)
        if args.fast:
            # The warm-up compiles, and records a flipped and another iteration of FastCUT.
            models[f"{name} --fast"] = Model([*ours, "--fast"], args.batch_size, warmup=16, counted=False)
        if upstream and MODELS[name][1]:
            models[f"upstream {MODELS[name][1]}"] = Model(theirs, args.batch_size, upstream, counted=False)
    costs = measure(models, args.rounds, args.memory_runs, lambda: ceilings.append(measure_ceilings(args.device)))
    flops_ceiling, bytes_ceiling = map(max, zip(*ceilings, strict=True))
    for title, cost in costs.items():
        name = title.removesuffix(" --fast")
        if name in MODELS:
            theirs = costs.get(f"upstream {MODELS[name][1]}")
            cost |= {key: costs[name][key] for key in ("gflop", "gb_moved")}
            record = {"model": title, "size": size, "title": f"{title}, {size}x{size}", **cost}
            record["ratio_to_upstream"] = median_ratio(cost, theirs)
            record["share_of_flops"] = 1e9 * cost["gflop"] / cost["median_s"] / flops_ceiling
            record["share_of_bytes"] = 1e9 * cost["gb_moved"] / cost["median_s"] / bytes_ceiling
            record["peak_memory_mib_of_upstream"] = theirs and theirs["peak_memory_mib"]
            yield record


def measure_ceilings(device: str) -> tuple[float, float]:
    """Return operations a second of a large product and bytes a second of a large copy, the best of three.

    The product is of matrices or a 3x3 convolution of the generator's blocks, whichever is faster: they run in
    different libraries.
    """
    side, count = (8192, 2**28) if device == "cuda" else (2048, 2**25)
    a, b = torch.rand(2, side, side, device=device)
    images, weights = torch.rand(4, 256, 64, 64, device=device), torch.rand(256, 256, 3, 3, device=device)
    source, target = torch.rand(2, count, device=device)

    def best(action: Callable[[], object]) -> float:
        seconds = []
        for _ in range(4):
            started = time.perf_counter()
            action()
            if device != "cpu":
                torch.accelerator.synchronize()
            seconds.append(time.perf_counter() - started)
        return min(seconds[1:])

    product = 2 * side**3 / best(lambda: a @ b)
    convolution = 2 * images.numel() * 256 * 9 / best(lambda: F.conv2d(images, weights, padding=1))
    return max(product, convolution), 2 * 4 * count / best(lambda: target.copy_(source))


if __name__ == "__main__":
    run(main)
