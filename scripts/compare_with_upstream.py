"""Put one training step of ours beside upstream's: compare_with_upstream.py --upstream PATH_TO_CUT_CHECKOUT.

Both sides get the same weights, pictures, patch places and coin of flip_equivariance. In float32 the losses and the
norm of each network's gradient are compared; in float64 the weights after ten optimizer steps. Each side runs in a
process of its own, since both have packages called models, data and util.
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

OURS = Path(__file__).resolve().parents[1]
SMALL = "--dataroot none --gpu_ids -1 --ngf 16 --ndf 16 --netG resnet_6blocks --netF_nc 64 --num_patches 64"
FLAGS = {
    "CUT": "",
    "CUT, no antialias": "--no_antialias --no_antialias_up",
    "FastCUT": "--CUT_mode FastCUT",
    "FastCUT, no antialias": "--CUT_mode FastCUT --no_antialias --no_antialias_up",
    "CUT, vanilla": "--gan_mode vanilla",
    "CUT, nonsaturating": "--gan_mode nonsaturating",
    "CUT, wgangp": "--gan_mode wgangp",
}
SIZE, STEPS = 64, 10


def main() -> None:
    """Run every case on both sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, help="a checkout of taesungp/contrastive-unpaired-translation")
    parser.add_argument("--cases", nargs="*", default=list(FLAGS), help=f"of: {'; '.join(FLAGS)}")
    parser.add_argument("--side", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        return run_side(*args.side)
    if args.upstream is None or not (args.upstream / "models/cut_model.py").is_file():
        sys.exit(f"error: --upstream {args.upstream}: expected a checkout of CUT, with models/cut_model.py")
    print("| case | batch | coin | largest difference of losses | of gradient norms | of weights after 10 steps |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in args.cases:
        for batch in (1, 2):
            for flipped in (False, True) if "FastCUT" in name else (False,):
                differences = compare(args.upstream.resolve(), FLAGS[name], batch, flipped)
                coin = "flipped" if flipped else "-"
                print(
                    f"| {name} | {batch} | {coin} | {' | '.join(f'{value:.1e}' for value in differences)} |", flush=True
                )
    return None


def compare(upstream: Path, flags: str, batch: int, flipped: bool) -> tuple[float, float, float]:
    """Return the largest relative difference of losses, of gradient norms, and of the movement of weights."""
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case.pt"
        generator = torch.Generator().manual_seed(0)
        pictures = torch.rand(2, batch, 3, SIZE, SIZE, generator=generator, dtype=torch.float64) * 2 - 1
        content = {"flags": f"{SMALL} {flags} --batch_size {batch} --checkpoints_dir {folder}", "flipped": flipped,
                   "pictures": pictures}  # fmt: skip
        torch.save(content, case)
        answers = []
        for root in (OURS, upstream):  # ours first: it draws the weights, which upstream then loads
            command = [sys.executable, "-W", "ignore", __file__, "--side", str(root), str(case)]
            subprocess.run(command, cwd=root, check=True)
            answers.append(torch.load(case.with_name("answer.pt")))
            case.with_name("answer.pt").unlink()
    ours, theirs = answers
    losses = max(relative(ours["losses"][key], theirs["losses"][key]) for key in theirs["losses"])
    gradients = max(relative(ours["gradients"][key], theirs["gradients"][key]) for key in theirs["gradients"])
    moved = [
        torch.cat([(answer["after"][k] - ours["before"][k]).flatten() for k in ours["before"]]) for answer in answers
    ]
    return losses, gradients, ((moved[0] - moved[1]).norm() / moved[1].norm()).item()


def relative(ours: float, theirs: float) -> float:
    """Return the difference relative to upstream's value."""
    return abs(ours - theirs) / max(abs(theirs), 1e-12)


def run_side(root: Path, case_file: Path) -> None:
    """In a process of its own: take the steps of one side and write what came out beside the case."""
    sys.path.insert(0, str(root))
    case = torch.load(case_file)
    if root != OURS:
        contiguous_gradients()
    answer = {}
    for dtype, steps in ((torch.float32, 1), (torch.float64, STEPS)):
        with contextlib.redirect_stdout(io.StringIO()):
            model = build(case, root, case_file.with_name("weights.pt"))
        for net in nets(model).values():
            net.to(dtype)
        if root != OURS:
            model.criterionGAN.to(dtype)
        same_randomness(case["flipped"])
        before = weights(model)
        for _ in range(steps):
            step(model, case, dtype)
        if steps == 1:
            answer["losses"] = unweighted(model, root)
            answer["gradients"] = {name: gradient_norm(net) for name, net in nets(model).items()}
        else:
            answer |= {"before": before, "after": weights(model)}
    torch.save(answer, case_file.with_name("answer.pt"))


def build(case: dict, root: Path, weights_file: Path):
    """Return the model of this side, with the weights that the first side drew."""
    from models import create_model
    from options.train_options import TrainOptions

    sys.argv = ["train.py", *case["flags"].split()]  # upstream reads presets from here
    opt = TrainOptions().parse()
    torch.manual_seed(0)
    model = create_model(opt)
    if root != OURS:
        same_randomness(False)
        model.data_dependent_initialize(batch_of(case, torch.float32))
    model.setup(opt)
    if not weights_file.exists():
        torch.save({name: net.state_dict() for name, net in nets(model).items()}, weights_file)
    for name, state in torch.load(weights_file).items():
        nets(model)[name].load_state_dict(state)
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


def batch_of(case: dict, dtype: torch.dtype) -> dict:
    """Return the pictures as a loader would."""
    A, B = case["pictures"].to(dtype)
    return {"A": A, "B": B, "A_paths": ["a"] * len(A), "B_paths": ["b"] * len(B)}


def step(model, case: dict, dtype: torch.dtype) -> None:
    """Take one step on the pictures of the case."""
    model.set_input(batch_of(case, dtype))
    model.optimize_parameters()


def nets(model) -> dict[str, torch.nn.Module]:
    """Return the networks by letter."""
    return {name: getattr(model, f"net{name}") for name in model.model_names}


def weights(model) -> dict[str, torch.Tensor]:
    """Return a copy of all parameters by network and name."""
    return {f"{n}.{key}": p.detach().clone() for n, net in nets(model).items() for key, p in net.named_parameters()}


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
