"""A style that export.py wrote as ONNX; it needs neither PyTorch nor the code of the networks."""

import json
from pathlib import Path

import numpy as np

from inference.style import Treatment
from util.errors import UserError

METADATA = "colorcut"  # key of the JSON that export.py adds to a model


class OnnxStyle:
    """Colors gray images with onnxruntime; see `inference.style.Style`."""

    def __init__(self, file: Path, gpu_ids: str = "auto"):
        """Load a model. Args: gpu_ids: -1 for the CPU; else what the installed onnxruntime prefers.

        Raises:
            UserError: if there is no such file, it is not from export.py, or onnxruntime is not installed.
        """
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise UserError(f"{file} needs onnxruntime; install it with pip install onnxruntime") from None
        if not file.is_file():
            raise UserError(f"no file {file}")
        providers = ["CPUExecutionProvider"] if gpu_ids == "-1" else onnxruntime.get_available_providers()
        try:
            self.session = onnxruntime.InferenceSession(file.read_bytes(), providers=providers)
            metadata = json.loads(self.session.get_modelmeta().custom_metadata_map[METADATA])
        except KeyError:
            raise UserError(f"{file} was not written by export.py") from None
        except Exception as error:  # onnxruntime's errors have no common class
            raise UserError(f"{file} is not a model that onnxruntime reads ({str(error).splitlines()[0]})") from None
        self.name = metadata["name"]
        self.only_scale = metadata["scale"] or None
        gray_range = metadata["gray_range"]
        self.treatment = Treatment(
            metadata["trained_scale"], tuple(gray_range) if gray_range else None, metadata["gray_stretch"]
        )

    def paint(self, luma: np.ndarray) -> np.ndarray:
        """Return what the generator makes of gray images: (N, 1, h, w) in 0..1 -> (N, 3, h, w) in 0..1."""
        images = np.repeat(luma.astype(np.float32), 3, axis=1)
        return self.session.run(["painted"], {"image": images})[0]
