"""Trained styles: a generator's checkpoint runs with PyTorch, a file that export.py wrote with onnxruntime alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from util.errors import UserError


@dataclass(frozen=True)
class Treatment:
    """How training treated images before the network saw them.

    Attributes:
        scale: the shorter side that images were scaled to, in pixels; 0 = that of each image.
        gray_range: values of black and white in gray images of 16 bits or floats; None = of the whole type.
        gray_stretch: each such image from its own darkest to its own brightest value.
    """

    scale: int = 0
    gray_range: tuple[float, float] | None = None
    gray_stretch: bool = False


class Style(Protocol):
    """Colors gray images with one generator.

    Attributes:
        name: of the run, or of the checkpoint file.
        treatment: of the images in its training.
        only_scale: the scale at which an exported model sees images, whatever it is given; None for any other style.
    """

    name: str
    treatment: Treatment
    only_scale: int | None

    def paint(self, luma: np.ndarray) -> np.ndarray:
        """Return what the generator makes of gray images: (N, 1, h, w) in 0..1 -> (N, 3, h, w) in 0..1, float32."""


def load_style(folder: Path, epoch: str = "latest", checkpoint: Path | None = None, gpu_ids: str = "auto") -> Style:
    """Load the style of a checkpoint, or without one that of a run's folder at an epoch.

    Args:
        checkpoint: a generator's .pth, CUT's or ours, or the .onnx that export.py wrote.
        gpu_ids: see `util.device.parse_gpu_ids`.
    Raises:
        UserError: if there is no such file, it is not what was named, or a package is missing that it needs.
    """
    if checkpoint and checkpoint.suffix == ".onnx":
        from inference.onnx_style import OnnxStyle

        return OnnxStyle(checkpoint, gpu_ids)
    try:
        from inference.torch_style import TorchStyle
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "torchvision"):
            raise
        raise UserError("torch is not installed; without it colorize.py takes only --checkpoint FILE.onnx") from None
    return TorchStyle.of_checkpoint(checkpoint, gpu_ids) if checkpoint else TorchStyle.of_run(folder, epoch, gpu_ids)
