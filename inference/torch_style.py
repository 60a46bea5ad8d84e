"""A style that is a generator of a run, with PyTorch."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

from data.preprocess import tests_at_load_size, whole_image_steps
from inference.style import Treatment
from models.networks import define_G
from models.networks.infer_flags import clean_state, infer_flags
from models.networks.load import load_network
from models.networks.padding import apply_padded
from models.networks.strips import apply_in_strips, needs_strips
from options import record
from util.checkpoint import load
from util.device import device_of, parse_gpu_ids
from util.errors import UserError
from util.run_folder import RunFolder

_NO_RECORD = {"preprocess": "resize_and_crop", "load_size": 286, "crop_size": 256}


class TorchStyle:
    """Colors gray images with one generator; see `inference.style.Style`."""

    only_scale = None

    def __init__(self, checkpoint: Path, name: str, gpu_ids: str = "auto"):
        """Load a generator, CUT's or ours; the flags of its network are inferred from it.

        Raises:
            UserError: if there is no such file, or it is not a generator that is built here.
        """
        self.name, self.device = name, device_of(parse_gpu_ids(gpu_ids))
        self.treatment = _treatment(RunFolder(checkpoint.parent))
        state = load(checkpoint)
        flags = infer_flags("G", clean_state(state, ())) if isinstance(state, dict) else {}
        network = Namespace(**{"input_nc": 3, "output_nc": 3, "ngf": 64, "netG": "resnet_9blocks", "normG": "instance",
                               "no_dropout": True, "no_antialias": False, "no_antialias_up": False, "context": False,
                               **flags})  # fmt: skip
        self.net = define_G(network.input_nc, network.output_nc, network.ngf, network.netG, network.normG,
                            not network.no_dropout, no_antialias=network.no_antialias,
                            no_antialias_up=network.no_antialias_up, context=network.context)  # fmt: skip
        if (network.input_nc, network.output_nc) != (3, 3):
            raise UserError(
                f"{checkpoint} is a generator of {network.input_nc} to {network.output_nc} channels, not 3 to 3"
            )
        load_network(self.net, state, str(checkpoint), "G", vars(network))
        self.on_cpu = self.device.type == "cpu"
        self.net.eval().to(self.device, memory_format=torch.channels_last if self.on_cpu else torch.preserve_format)

    @torch.no_grad()
    def paint(self, luma: np.ndarray) -> np.ndarray:
        """Return what G makes of gray images: (N, 1, h, w) in 0..1 -> (N, 3, h, w) in 0..1."""
        gray = torch.from_numpy(luma).to(self.device) * 2 - 1
        in_strips = needs_strips(self.net, gray)
        # On a CPU one image at a time is faster than a batch, and channels-last is faster than NCHW.
        parts = gray.split(1 if in_strips or self.on_cpu else len(gray))
        try:
            painted = torch.cat([self._paint(part, in_strips) for part in parts])
        except RuntimeError as error:  # of a GPU it has a class of its own, of the CPU only a text
            if not (isinstance(error, torch.OutOfMemoryError) or "allocate" in str(error)):
                raise
            where = "" if self.on_cpu else "GPU's "
            raise UserError(f"the {where}memory is too small; use a smaller --scale or --batch_size") from None
        return ((painted.cpu() + 1) / 2).numpy()

    def _paint(self, gray: torch.Tensor, in_strips: bool) -> torch.Tensor:
        if in_strips:
            return apply_in_strips(self.net, gray)
        images = gray.expand(-1, 3, -1, -1)
        return apply_padded(self.net, images.to(memory_format=torch.channels_last) if self.on_cpu else images)


def _treatment(folder: RunFolder) -> Treatment:
    """Return what the record of a run says of its images; tests of a run treat them so."""
    recorded = {**_NO_RECORD, **record.load(folder)}
    gray_range = recorded.get("gray_range")
    gray_range = tuple(gray_range) if isinstance(gray_range, list) else None
    return Treatment(_trained_scale(recorded), gray_range, recorded.get("gray_stretch") is True)


def _trained_scale(recorded: dict[str, object]) -> int:
    """Return the shorter side that tests of a run scale images to; 0 if they leave images at their own size."""
    load_size, crop_size = int(recorded["load_size"]), int(recorded["crop_size"])
    steps = whole_image_steps(str(recorded["preprocess"]))
    if steps == "none":
        return 0
    return load_size if load_size and tests_at_load_size(steps) else crop_size
