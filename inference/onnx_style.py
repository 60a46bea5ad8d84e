"""A style that export.py wrote as ONNX; it needs neither PyTorch nor the code of the networks."""

import json
from pathlib import Path

import numpy as np

from inference.style import Treatment
from util.errors import UsageError, UserError, first_line

METADATA = "colorcut"  # key of the JSON that export.py adds to a model


class OnnxStyle:
    """Colors gray images with onnxruntime; see `inference.style.Style`."""

    def __init__(self, file: Path, gpu_ids: str = "auto"):
        """Load a model. Args: gpu_ids: auto, -1 for the CPU, or an index; a GPU needs onnxruntime-gpu.

        Raises:
            UserError: if there is no such file, it is not from export.py, or onnxruntime is not installed.
        """
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise UserError(f"{file} needs onnxruntime; install it with pip install onnxruntime") from None
        if not file.is_file():
            raise UserError(f"no file {file}")
        content, providers = file.read_bytes(), _providers(gpu_ids)
        try:
            self.session = onnxruntime.InferenceSession(content, providers=providers)
            metadata = json.loads(self.session.get_modelmeta().custom_metadata_map[METADATA])
            self.name, self.only_scale = metadata["name"], metadata["scale"] or None
            gray_range = metadata["gray_range"] and tuple(metadata["gray_range"])
            self.treatment = Treatment(metadata["trained_scale"], gray_range, metadata["gray_stretch"])
        except (KeyError, TypeError):
            raise UserError(f"{file} was not written by this version of export.py") from None
        except Exception as error:  # onnxruntime's errors have no class in common
            raise UserError(f"{file} is not a model that onnxruntime reads ({first_line(error)})") from None

    def paint(self, luma: np.ndarray) -> np.ndarray:
        """Return what the generator makes of gray images: (N, 1, h, w) in 0..1 -> (N, 3, h, w) in 0..1."""
        images = np.repeat(luma.astype(np.float32), 3, axis=1)
        try:
            return self.session.run(["painted"], {"image": images})[0]
        except Exception as error:
            height, width = luma.shape[2:]
            raise UserError(f"onnxruntime cannot run the network on {width}x{height} pixels ({first_line(error)}); "
                            "use a smaller --scale or --batch_size") from None  # fmt: skip


def _providers(gpu_ids: str) -> list:
    """Return what onnxruntime computes with: the GPU that --gpu_ids names, if it can, and the CPU."""
    import onnxruntime

    if gpu_ids not in ("auto", "-1") and not gpu_ids.isdecimal():
        raise UsageError(f"--gpu_ids {gpu_ids}: expected auto, -1 for the CPU, or an index such as 0")
    cuda = "CUDAExecutionProvider"
    if gpu_ids == "-1" or cuda not in onnxruntime.get_available_providers():
        return ["CPUExecutionProvider"]
    return [(cuda, {"device_id": 0 if gpu_ids == "auto" else int(gpu_ids)}), "CPUExecutionProvider"]
