"""Put training steps of ours beside upstream's: compare_with_upstream.py --upstream PATH_TO_CUT_CHECKOUT.

Both sides get the same weights, pictures, patch places and coin of flip_equivariance. The table shows relative
differences: of each loss in float32, of the norm of each network's gradient in float32 and float64 (the largest of
three draws of pictures), and of the movement of the weights over ten optimizer steps in float64, biases before a norm
left out, since they have no gradient but rounding. Each side runs in a process of its own, since both have packages
called models, data and util.
"""

import argparse
import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

OURS = Path(__file__).resolve().parents[1]
SMALL = "--dataroot none --gpu_ids -1 --ngf 16 --ndf 16 --netG resnet_6blocks --netF_nc 64 --num_patches 64"
SIZE, DRAWS, STEPS = 64, 3, 10
LOSSES = ("G_GAN", "D_real", "D_fake", "NCE", "NCE_Y")
PLAIN = "--no_antialias --no_antialias_up"


@dataclass
class Case:
    """One row of the table."""

    name: str
    flags: str = ""
    batch: int = 1  # pictures in a batch
    asked: int = 0  # --batch_size where it is another
    flipped: bool = False  # the coin of flip_equivariance
    as_it_is: bool = False  # leave upstream's instance norm its own gradient
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
    rows += [
        Case("CUT as it is", as_it_is=True, note="upstream's gradient is wrong: instance norm, batch 1, CPU"),
        Case("CUT, --batch_size 4", batch=2, asked=4, note="upstream's NCE is wrong: it pairs as if 4 pictures came"),
    ]
    return rows


def main() -> None:
    """Run the cases on both sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, help="a checkout of taesungp/contrastive-unpaired-translation")
    parser.add_argument("--cases", help="only rows whose name begins with this")
    parser.add_argument("--side", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        return run_side(*args.side)
    if args.upstream is None or not (args.upstream / "models/cut_model.py").is_file():
        sys.exit(f"error: --upstream {args.upstream}: expected a checkout of CUT, with models/cut_model.py")
    chosen = [case for case in cases() if case.name.startswith(args.cases or "")]
    if not chosen:
        sys.exit(f"error: --cases {args.cases}: no row begins with this; rows are {', '.join(c.name for c in cases())}")
    gradients = [f"gradient of {net}, {kind}" for net in "GDF" for kind in ("float32", "float64")]
    titles = ["case", "batch", "coin", *LOSSES, *gradients, "weights", "note"]
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    for case in chosen:
        print(f"| {' | '.join(row_of(case, *both_sides(case, args.upstream.resolve())))} |", flush=True)
    return None


def both_sides(case: Case, upstream: Path) -> tuple[dict, dict]:
    """Return what our side and upstream's answer."""
    with tempfile.TemporaryDirectory() as folder:
        case_file = Path(folder) / "case.pt"
        flags = f"{SMALL} {case.flags} --batch_size {case.asked or case.batch} --checkpoints_dir {folder}"
        torch.save({**asdict(case), "flags": flags}, case_file)
        answers = []
        for root in (OURS, upstream):  # ours first: it draws the weights, which upstream then loads
            command = [sys.executable, "-W", "ignore", __file__, "--side", str(root), str(case_file)]
            subprocess.run(command, cwd=root, check=True)
            answers.append(torch.load(case_file.with_name("answer.pt")))
            case_file.with_name("answer.pt").unlink()
    return answers[0], answers[1]


def row_of(case: Case, ours: dict, theirs: dict) -> list[str]:
    """Return the cells of a row: the largest difference of the draws; where they scatter, their median before it."""
    coin = {True: "flipped", False: "not"}[case.flipped] if "FastCUT" in case.name else ""
    cells = [case.name, str(case.batch), coin]
    for name in LOSSES:
        pairs = [(a[name], b[name]) for a, b in zip(ours["losses"], theirs["losses"], strict=True) if name in b]
        cells.append(f"{max(relative(*pair) for pair in pairs):.0e}" if pairs else "")
    for net in "GDF":
        for kind in ("float32", "float64"):
            pairs = zip(ours[kind], theirs[kind], strict=True)
            differences = [relative(a[net], b[net]) for a, b in pairs]
            median, most = statistics.median(differences), max(differences)
            cells.append(f"{most:.0e}" if most < 1e-4 else f"{most:.0e} (median {median:.0e})")
    moving = [key for key in ours["before"] if key not in ours["idle"]]
    moved, moved_theirs = (
        torch.cat([(answer["after"][key] - ours["before"][key]).flatten() for key in moving])
        for answer in (ours, theirs)
    )
    return [*cells, f"{((moved - moved_theirs).norm() / moved_theirs.norm()).item():.0e}", case.note]


def relative(ours: float, theirs: float) -> float:
    """Return the difference relative to upstream's value."""
    return abs(ours - theirs) / max(abs(theirs), 1e-12)


# ---- one side, in a process of its own -----------------------------------------------------------------------


def run_side(root: Path, case_file: Path) -> None:
    """Take the steps of one side and write what came out beside the case."""
    sys.path.insert(0, str(root))
    case = torch.load(case_file)
    if root != OURS and not case["as_it_is"]:
        contiguous_gradients()
    answer: dict[str, list] = {"losses": [], "float32": [], "float64": []}
    for kind, dtype in {"float32": torch.float32, "float64": torch.float64}.items():
        for draw in range(DRAWS):
            model = built(case, root, case_file.with_name("weights.pt"), dtype)
            backward(model, pictures(case["batch"], draw, dtype))
            answer[kind].append({name: gradient_norm(net) for name, net in nets(model).items()})
            if kind == "float32":
                answer["losses"].append(unweighted(model, root))
    answer["idle"] = idle(model)
    model = built(case, root, case_file.with_name("weights.pt"), torch.float64)
    answer["before"] = weights(model)
    for number in range(STEPS):
        model.set_input(pictures(case["batch"], number, torch.float64))
        model.optimize_parameters()
    answer["after"] = weights(model)
    torch.save(answer, case_file.with_name("answer.pt"))


def built(case: dict, root: Path, weights_file: Path, dtype: torch.dtype):
    """Return the model of this side, with the weights that the first side drew, and all randomness at its start."""
    from models import create_model
    from options.train_options import TrainOptions

    sys.argv = ["train.py", *case["flags"].split()]  # upstream reads presets from here
    with contextlib.redirect_stdout(io.StringIO()):
        opt = TrainOptions().parse()
        torch.manual_seed(0)
        model = create_model(opt)
        if root != OURS:
            same_randomness(False)
            model.data_dependent_initialize(pictures(opt.batch_size, 0, torch.float32))
        model.setup(opt)
    if not weights_file.exists():
        torch.save({name: net.state_dict() for name, net in nets(model).items()}, weights_file)
    for name, state in torch.load(weights_file).items():
        nets(model)[name].load_state_dict(state)
        nets(model)[name].to(dtype)
    if root != OURS:
        model.criterionGAN.to(dtype)
    same_randomness(case["flipped"])
    return model


def contiguous_gradients() -> None:
    """Give upstream's instance norm contiguous gradients: for others its backward is wrong on the CPU at batch 1."""
    forward = torch.nn.InstanceNorm2d.forward

    def with_hook(self, x):
        out = forward(self, x)
        if out.requires_grad:
            out.register_hook(lambda gradient: gradient.contiguous())
        return out

    torch.nn.InstanceNorm2d.forward = with_hook


def same_randomness(flipped: bool) -> None:
    """Let both sides draw the same patch places, in turn, and the same coin."""
    drawn = [0]

    def permutation(size, **_):
        drawn[0] += 1
        return np.random.RandomState(drawn[0]).randint(0, 2**31, size).argsort(kind="stable")

    coin = 0.0 if flipped else 1.0
    np.random.permutation = permutation
    np.random.random = lambda *_: coin
    torch.randperm = lambda size, **_: torch.from_numpy(permutation(size))
    torch.rand = lambda *_, **__: torch.tensor(coin)


def pictures(batch: int, draw: int, dtype: torch.dtype) -> dict:
    """Return a batch of random pictures as a loader would."""
    A, B = torch.from_numpy(np.random.RandomState(draw).rand(2, batch, 3, SIZE, SIZE) * 2 - 1).to(dtype)
    return {"A": A, "B": B, "A_paths": ["a"] * batch, "B_paths": ["b"] * batch}


def backward(model, batch: dict) -> None:
    """Compute all losses and gradients at the weights as they are."""
    for net in nets(model).values():
        net.zero_grad()
    model.set_input(batch)
    model.forward()
    model.compute_D_loss().backward()
    model.set_requires_grad(model.netD, False)
    model.compute_G_loss().backward()


def nets(model) -> dict[str, torch.nn.Module]:
    """Return the networks by letter."""
    return {name: getattr(model, f"net{name}") for name in model.model_names}


def weights(model) -> dict[str, torch.Tensor]:
    """Return a copy of all parameters by network and name."""
    return {f"{n}.{key}": p.detach().clone() for n, net in nets(model).items() for key, p in net.named_parameters()}


def idle(model) -> set[str]:
    """Return the biases before a norm, by their vanishing gradient: Adam makes steps of its rounding."""
    gradients = {f"{n}.{key}": p.grad.norm() for n, net in nets(model).items() for key, p in net.named_parameters()
                 if p.grad is not None}  # fmt: skip
    largest = {n: max(norm for key, norm in gradients.items() if key[0] == n) for n in nets(model)}
    return {key for key, norm in gradients.items() if norm < 1e-9 * largest[key[0]]}


def gradient_norm(net: torch.nn.Module) -> float:
    """Return the norm of a network's whole gradient."""
    return torch.cat([p.grad.flatten().double() for p in net.parameters() if p.grad is not None]).norm().item()


def unweighted(model, root: Path) -> dict[str, float]:
    """Return each loss term without its weight; upstream logs NCE weighted."""
    weight = 1 if root == OURS else model.opt.lambda_NCE
    losses = model.get_current_losses()
    return {name: value / weight if name.startswith("NCE") else value for name, value in losses.items()}


if __name__ == "__main__":
    main()
