"""Take the training steps of one side for compare_with_upstream.py: upstream_side.py ours|upstream FOLDER CASE.

CASE is JSON. The results go to FOLDER/ours.pt or FOLDER/upstream.pt.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.lib import checkout

SIZE, DRAWS, STEPS = 64, 3, 10
TINY = f"""--dataroot none --gpu_ids -1 --ngf 16 --ndf 16 --netG resnet_6blocks --netF_nc 64 --num_patches 64
    --load_size {SIZE} --crop_size {SIZE}"""


def main() -> None:
    """Take the steps and save the results."""
    side, folder, case = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    if side == "upstream" and not case["as_it_is"]:
        make_gradients_contiguous()
    torch.manual_seed(0)
    results: dict[str, Any] = {"losses": [], "float32": [], "float64": []}
    for kind, dtype in {"float32": torch.float32, "float64": torch.float64}.items():
        for draw in range(DRAWS):
            model = build(case, side, folder, dtype)
            model.set_input(checkout.random_batch(case["batch"], SIZE, draw, dtype))
            model.forward()
            model.compute_D_loss().backward()
            model.set_requires_grad(model.netD, False)
            model.compute_G_loss().backward()
            gradients = {key: p.grad for key, p in parameters(model).items() if p.grad is not None}
            results[kind].append({key: gradient.double().norm().item() for key, gradient in gradients.items()})
            if kind == "float32":
                results["losses"].append(model.get_current_losses())
    model = build(case, side, folder, torch.float64)
    before = {key: parameter.detach().clone() for key, parameter in parameters(model).items()}
    for draw in range(STEPS):
        model.set_input(checkout.random_batch(case["batch"], SIZE, draw, torch.float64))
        model.optimize_parameters()
    results["movement"] = {key: parameter.detach() - before[key] for key, parameter in parameters(model).items()}
    results["lambda_NCE"] = model.opt.lambda_NCE
    torch.save(results, folder / f"{side}.pt")


def build(case: dict, side: str, folder: Path, dtype: torch.dtype) -> Any:
    """Return the model of this side, with the weights that the first side drew, before any random number of a step."""
    flags = f"{TINY} {case['flags']} --batch_size {case['batch_size'] or case['batch']} --checkpoints_dir {folder}"
    model, _ = checkout.build(flags.split())
    networks = {name: getattr(model, f"net{name}") for name in model.model_names}
    weights = folder / "weights.pt"
    if not weights.exists():
        torch.save({name: net.state_dict() for name, net in networks.items()}, weights)
    for name, state in torch.load(weights).items():
        networks[name].load_state_dict(state)
        networks[name].to(dtype).zero_grad()  # CUT's data_dependent_initialize leaves gradients
    if side == "upstream":
        model.criterionGAN.to(dtype)
    fix_randomness(case["flipped"])
    return model


def make_gradients_contiguous() -> None:
    """Give upstream's instance norm contiguous gradients: with others its backward is wrong on the CPU at batch 1."""

    def hook(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        if isinstance(module, torch.nn.InstanceNorm2d) and output.requires_grad:
            output.register_hook(torch.Tensor.contiguous)

    torch.nn.modules.module.register_module_forward_hook(hook)


def fix_randomness(flipped: bool) -> None:
    """Let both sides draw the same sequence of patch ids and the same noise, and flip or not."""
    torch.manual_seed(1)
    seeds = iter(range(1, 2**31))

    def permutation(size: int, **_: object) -> np.ndarray:
        return np.random.RandomState(next(seeds)).randint(0, 2**31, size).argsort(kind="stable")

    number = 0.0 if flipped else 1.0  # an iteration flips below a half
    np.random.permutation = permutation
    np.random.random = lambda *_: number
    torch.randperm = lambda size, **_: torch.from_numpy(permutation(size))
    torch.rand = lambda *_, **__: torch.tensor(number)


def parameters(model: Any) -> dict[str, torch.nn.Parameter]:
    """Return all parameters as LETTER OF THE NETWORK.NAME."""
    return {f"{n}.{key}": p for n in model.model_names for key, p in getattr(model, f"net{n}").named_parameters()}


if __name__ == "__main__":
    main()
