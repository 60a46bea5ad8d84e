"""Compare training steps of ours with upstream's.

    python -m scripts.proof.compare_with_upstream --upstream PATH_TO_CUT_CHECKOUT

Both sides get the same weights, images and patch ids, and flip in the same iterations. The table shows relative
differences: of each loss in float32, of the norm of each network's gradient in float32 and float64 (the largest of
three draws of images), and of the movement of the weights over ten optimizer steps in float64. Biases before a norm are
left out of the last one: their gradient is 0, and Adam amplifies its rounding. Each side runs in a process of its own,
since both have packages called models, data and util.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from options.parser import OneLineParser
from scripts.lib.processes import ROOT, environment
from util.errors import UsageError, UserError, run
from util.markdown import as_row, as_table

LOSSES = ("G_GAN", "D_real", "D_fake", "NCE", "NCE_Y", "D_R1", "idt")
PLAIN = "--no_antialias --no_antialias_up"
SINCUT = "--model sincut --netG stylegan2 --netD stylegan2 --ngf 4 --ndf 4 --num_patches 1"


@dataclass
class Case:
    """One row of the table."""

    name: str
    flags: str = ""
    batch: int = 1  # images in a batch
    batch_size: int = 0  # --batch_size, if it is not that number
    flipped: bool = False  # whether --flip_equivariance flips
    as_it_is: bool = False  # keep the wrong gradient of upstream's instance norm
    note: str = ""


def cases() -> list[Case]:
    """Return all rows."""
    kinds = {"CUT": "", "CUT, no antialias": PLAIN}
    kinds |= {f"CUT, {mode}": f"--gan_mode {mode}" for mode in ("vanilla", "nonsaturating", "wgangp")}
    rows = [Case(name, flags, batch) for name, flags in kinds.items() for batch in (1, 2)]
    rows += [Case("CUT, negatives of the batch", "--nce_includes_all_negatives_from_minibatch", 2)]
    for name, flags in {"FastCUT": "", "FastCUT, no antialias": PLAIN}.items():
        for batch in (1, 2):
            rows += [Case(name, f"--CUT_mode FastCUT {flags}", batch, flipped=flip) for flip in (False, True)]
    rows += [Case("SinCUT", SINCUT, 4), Case("SinCUT, small", f"{SINCUT} --netG smallstylegan2 --nce_layers 0,2,3", 4)]
    rows += [
        Case("CUT as it is", as_it_is=True, note="upstream's gradient is wrong: instance norm, batch 1, CPU"),
        Case("CUT, --batch_size 4", batch=2, batch_size=4, note="upstream's NCE is wrong: it pairs as for 4 images"),
    ]
    return rows


def main() -> None:
    """Run the cases on both sides and print the table."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, help="a checkout of taesungp/contrastive-unpaired-translation")
    parser.add_argument("--cases", default="", help="only rows whose name begins with this")
    args = parser.parse_args()
    if args.upstream is None or not (args.upstream / "models/cut_model.py").is_file():
        raise UsageError(f"--upstream {args.upstream}: expected a checkout of CUT, with models/cut_model.py")
    chosen = [case for case in cases() if case.name.startswith(args.cases)]
    if not chosen:
        names = ", ".join(case.name for case in cases())
        raise UsageError(f"--cases {args.cases}: no row begins with this; rows are {names}")
    gradients = [f"gradient of {net}, {kind}" for net in "GDF" for kind in ("float32", "float64")]
    print(as_table(["case", "batch", "flip", *LOSSES, *gradients, "weights", "note"]))
    for case in chosen:
        with tempfile.TemporaryDirectory() as folder:
            # Ours first: it draws the weights, which upstream then loads.
            results = [take_steps(case, *side, folder) for side in (("ours", ROOT), ("upstream", args.upstream))]
        print(as_row(row_of(case, *results)), flush=True)


def take_steps(case: Case, side: str, root: Path, folder: str) -> dict:
    """Run upstream_side.py with the code of one side; return its results."""
    program = Path(__file__).with_name("upstream_side.py")
    command = [sys.executable, "-W", "ignore", program, side, folder, json.dumps(asdict(case))]
    if subprocess.run(command, env=environment(root.resolve())).returncode:
        raise UserError(f"{case.name}: the steps of {root} failed, see above")
    return torch.load(Path(folder) / f"{side}.pt")


def row_of(case: Case, ours: dict, theirs: dict) -> list[str]:
    """Return the cells of a row: the largest difference of the draws, with their median if it is large."""
    flip = {True: "flipped", False: "not"}[case.flipped] if "FastCUT" in case.name else ""
    cells = [case.name, str(case.batch), flip]
    for name in LOSSES:
        weight = theirs["lambda_NCE"] if name.startswith("NCE") else 1  # which only upstream's log has in it
        pairs = [
            (a[name], b[name] / weight) for a, b in zip(ours["losses"], theirs["losses"], strict=True) if name in b
        ]
        cells.append(f"{max(relative(*pair) for pair in pairs):.0e}" if pairs else "")
    for net in "GDF":
        for kind in ("float32", "float64"):
            pairs = zip(ours[kind], theirs[kind], strict=True)
            differences = [relative(network_norm(a, net), network_norm(b, net)) for a, b in pairs]
            most = max(differences)
            cells.append(f"{most:.0e}" if most < 1e-4 else f"{most:.0e} (median {median(differences):.0e})")
    norms = ours["float64"][-1]
    moving = [key for key, norm in norms.items() if norm >= 1e-9 * network_norm(norms, key[0])]
    moved, expected = (torch.cat([side["movement"][key].flatten() for key in moving]) for side in (ours, theirs))
    return [*cells, f"{((moved - expected).norm() / expected.norm()).item():.0e}", case.note]


def network_norm(norms: dict[str, float], net: str) -> float:
    """Return the norm of a network's gradient, given those of all parameters."""
    return math.hypot(*(norm for key, norm in norms.items() if key[0] == net))


def relative(ours: float, theirs: float) -> float:
    """Return the difference relative to upstream's value."""
    return abs(ours - theirs) / max(abs(theirs), 1e-12)


if __name__ == "__main__":
    run(main)
