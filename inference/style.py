"""Trained styles: a generator's checkpoint runs with PyTorch, a file that export.py wrote with onnxruntime alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from util.errors import UsageError, UserError
from util.run_folder import RunFolder

SHIPPED = Path(__file__).resolve().parents[1] / "pretrained/vangogh"  # the style that comes with the project
_GENERATORS = ("G", "G_A")  # of CUT, ColorCUT and pix2pix; of CycleGAN


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


def generator_of(folder: Path, epoch: str = "latest") -> Path | None:
    """Return the file of a run's generator at an epoch, or None if there is none."""
    files = (RunFolder(folder).network(epoch, name) for name in _GENERATORS)
    return next((file for file in files if file.is_file()), None)


def load_style(
    folder: Path | None = None, epoch: str = "latest", checkpoint: Path | None = None, gpu_ids: str = "auto"
) -> Style:
    """Load the style of a checkpoint, or that of a run at an epoch, or else the one that comes with the project.

    Args:
        folder: of the run.
        checkpoint: a generator's .pth, CUT's or ours, or the .onnx that export.py wrote.
        gpu_ids: see `util.device.parse_gpu_ids`.
    Raises:
        UserError: if there is no such file, it is not what was named, or a package is missing that it needs.
    """
    if checkpoint and checkpoint.suffix.lower() == ".pt2":
        raise UsageError(f"--checkpoint {checkpoint} is for torch.export.load; give a generator's .pth, or an .onnx")
    if checkpoint and checkpoint.suffix.lower() == ".onnx":
        from inference.onnx_style import OnnxStyle

        return OnnxStyle(checkpoint, gpu_ids)
    try:
        from inference.torch_style import TorchStyle
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UserError("torch is not installed; without it colorize.py takes only --checkpoint FILE.onnx") from None
    file = checkpoint or generator_of(folder or SHIPPED, epoch)
    if file is None:
        missing = RunFolder(folder or SHIPPED).network(epoch, _GENERATORS[0])
        raise UserError(f"no {missing}: give --name and --checkpoints_dir of a trained run, or --checkpoint FILE")
    in_run = "_net_G" in file.stem  # and the run has the better name
    return TorchStyle(file, file.resolve().parent.name if in_run else file.stem, gpu_ids)
