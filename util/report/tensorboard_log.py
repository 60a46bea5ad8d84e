"""The curves and images of a run for TensorBoard, with --tensorboard."""

from pathlib import Path

import torch

from util.errors import UserError
from util.report.curves import values_of
from util.util import tensor2im


class TensorBoardLog:
    """Writes to FOLDER; x counts images. `tensorboard --logdir checkpoints` shows all runs."""

    def __init__(self, folder: Path, total_images: int):
        """Args: total_images: of the run so far; later points, of a run that was killed, are hidden."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError("--tensorboard: TensorBoard is not installed; scripts/install.sh tensorboard") from None
        self.writer = SummaryWriter(str(folder), purge_step=total_images + 1, flush_secs=10)

    def add(self, record: dict) -> None:
        """Write a record of metrics.jsonl."""
        for name, value in values_of(record).items():
            self.writer.add_scalar(name, value, record["pictures"])

    def add_images(self, visuals: dict[str, torch.Tensor], total_images: int) -> None:
        """Write the first image of each batch (N, 3, H, W) in [-1, 1]."""
        for name, images in visuals.items():
            self.writer.add_image(name, tensor2im(images), total_images, dataformats="HWC")

    def close(self) -> None:
        """Write what is still in memory, and end the writer's thread."""
        self.writer.close()
