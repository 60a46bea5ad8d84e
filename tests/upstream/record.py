"""Write facts.json: what a CUT checkout's networks and flags are. python tests/upstream/record.py PATH_TO_CUT.

It holds only facts: names, shapes, defaults, and a few output values for weights set by a formula. They allow testing
the contract without a checkout.
"""

import argparse
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import torch

TAPS = [0, 4, 8, 12]
# netG, norm, no_antialias, no_antialias_up
GENERATORS = """
    resnet_9blocks instance 0 0, resnet_9blocks instance 1 1, resnet_6blocks instance 0 0, resnet_6blocks instance 1 0,
    resnet_6blocks instance 0 1, resnet_6blocks batch 0 0, resnet_6blocks none 1 1, resnet_4blocks instance 0 0,
    resnet_4blocks batch 1 1, unet_128 instance 0 0, unet_256 batch 0 0, unet_256 none 0 0
"""
# netD, n_layers_D, norm, no_antialias
DISCRIMINATORS = """
    basic 3 instance 0, basic 3 instance 1, basic 3 batch 0, basic 3 none 0, n_layers 2 instance 0, n_layers 5 batch 1,
    pixel 3 instance 0, pixel 3 batch 0
"""
# netG, or netD, side of the training images, downsamplings
STYLEGAN2_GENERATORS = [("stylegan2", 64, 1), ("stylegan2", 32, 2), ("smallstylegan2", 64, 1)]
STYLEGAN2_DISCRIMINATORS = [("stylegan2", 32), ("stylegan2", 64)]


def main() -> None:
    """Load the modules of the checkout and write the facts."""
    root = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(root))
    sys.argv = ["train.py"]  # CUT's models read it
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True).stdout
    facts = {"commit": commit.strip(), "networks": list(networks()), "flags": flags()}
    text = json.dumps(facts, indent=1)
    Path(__file__).with_name("facts.json").write_text(text + "\n", encoding="utf-8")


def networks():
    """Yield for each network its kind, its arguments, its keys with shapes, its input and some of its output."""
    from seeded import fill, images, summary

    from models import networks as upstream

    for row in GENERATORS.split(","):
        netG, norm, *switches = row.split()
        down, up = (switch == "1" for switch in switches)
        keywords = {"netG": netG, "norm": norm, "no_antialias": down, "no_antialias_up": up}
        net = fill(upstream.define_G(3, 3, 4, **keywords))
        size = {"unet_256": 256, "unet_128": 128}.get(netG, 32)
        yield {"kind": "G", "keywords": keywords, "keys": keys(net), "input": [1, 3, size, size],
               "output": summary(net(images(1, 3, size, size)))}  # fmt: skip
    for row in DISCRIMINATORS.split(","):
        netD, layers, norm, down = row.split()
        keywords = {"netD": netD, "n_layers_D": int(layers), "norm": norm, "no_antialias": down == "1"}
        net = fill(upstream.define_D(3, 4, **keywords))
        yield {"kind": "D", "keywords": keywords, "keys": keys(net), "input": [1, 3, 128, 128],
               "output": summary(net(images(1, 3, 128, 128)))}  # fmt: skip
    torch.Tensor.cuda = lambda tensor: tensor  # the generator moves a constant to a GPU
    for netG, size, downsamplings in STYLEGAN2_GENERATORS:
        opt = Namespace(load_size=size, crop_size=size, netG=netG, stylegan2_G_num_downsampling=downsamplings)
        net = fill(upstream.define_G(3, 3, 4, netG, opt=opt))
        yield {"kind": "G", "keywords": {"netG": netG, "size": size, "downsamplings": downsamplings}, "keys": keys(net),
               "input": [1, 3, 32, 48], "output": summary(net(images(1, 3, 32, 48)))}  # fmt: skip
    for netD, size in STYLEGAN2_DISCRIMINATORS:
        net = fill(upstream.define_D(3, 4, netD, opt=Namespace(load_size=size, crop_size=size, netD=netD)))
        yield {"kind": "D", "keywords": {"netD": netD, "size": size}, "keys": keys(net), "input": [8, 3, size, size],
               "output": summary(net(images(8, 3, size, size)))}  # fmt: skip
    for netF in ("mlp_sample", "sample"):
        G = upstream.define_G(3, 3, 4, "resnet_4blocks", "instance")
        features = G(images(2, 3, 32, 32).float(), list(TAPS), encode_only=True)
        patch_ids = [torch.arange(0, feature.shape[2] * feature.shape[3], 5) for feature in features]
        net = upstream.define_F(3, netF, opt=Namespace(netF_nc=8))
        net(features, 256, patch_ids)  # makes its layers
        features = [images(*feature.shape) for feature in features]
        out, _ = fill(net)(features, 256, patch_ids)
        yield {"kind": "F", "keywords": {"netF": netF, "nc": 8}, "keys": keys(net),
               "input": [list(feature.shape) for feature in features],
               "output": [summary(layer.reshape(2, -1, layer.shape[-1])) for layer in out]}  # fmt: skip


def keys(net: torch.nn.Module) -> str:
    """Return KEY:SHAPE of every entry of the state dict."""
    return " ".join(f"{key}:{'x'.join(map(str, value.shape))}" for key, value in net.state_dict().items())


def flags() -> dict[str, dict[str, object]]:
    """Return the default of each flag, by the part of CUT that declares it or changes its default."""
    import models
    from options.base_options import BaseOptions
    from options.test_options import TestOptions
    from options.train_options import TrainOptions

    def declared(options, model: str = "") -> dict[str, object]:
        parser = options.initialize(argparse.ArgumentParser())
        if model:
            models.get_option_setter(model)(parser, isinstance(options, TrainOptions))
        # argparse keeps a default of infinity; JSON has none.
        return {action.option_strings[0]: "inf" if action.default == float("inf") else action.default
                for action in parser._actions if action.dest != "help"}  # fmt: skip

    def added(full: dict[str, object], less: dict[str, object]) -> dict[str, object]:
        return {flag: default for flag, default in full.items() if flag not in less or less[flag] != default}

    base, train = declared(BaseOptions()), declared(TrainOptions())
    parts = {"base": base, "train": added(train, base), "test": added(declared(TestOptions()), base)}
    for model in ("cut", "cycle_gan", "sincut"):
        parts[model] = added(declared(TrainOptions(), model), train)
    sys.argv = ["train.py", "--CUT_mode", "FastCUT"]
    parts["FastCUT"] = added(declared(TrainOptions(), "cut"), {**train, **parts["cut"]})
    return parts


if __name__ == "__main__":
    main()
