"""The curves and pictures of a run for TensorBoard, with --tensorboard."""

from pathlib import Path

import torch

from util.report.curves import values_of
from util.errors import UserError
from util.util import tensor2im


class TensorBoardLog:
    """Writes to FOLDER; x is pictures seen. `tensorboard --logdir checkpoints` shows all runs."""

    def __init__(self, folder: Path, seen: int):
        """Args: seen: pictures so far; later points are those of a run that was killed, and are hidden."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError("--tensorboard: TensorBoard is not installed; scripts/install.sh tensorboard") from None
        self.writer = SummaryWriter(str(folder), purge_step=seen + 1, flush_secs=10)

    def add(self, record: dict) -> None:
        """Write a record of metrics.jsonl."""
        for name, value in values_of(record).items():
            self.writer.add_scalar(name, value, record["pictures"])

    def pictures(self, visuals: dict[str, torch.Tensor], seen: int) -> None:
        """Write the first picture of each batch (N, 3, H, W) in [-1, 1]."""
        for name, images in visuals.items():
            self.writer.add_image(name, tensor2im(images), seen, dataformats="HWC")

    def close(self) -> None:
        """Write what is still in memory."""
        self.writer.close()
