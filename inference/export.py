"""Writes a style as a file that runs without this project: an ONNX model, or a program of torch.export."""

import io
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.export import Dim

from inference.look import MAX_RATIO
from inference.onnx_style import METADATA
from inference.torch_style import TorchStyle
from inference.upsampling import RADIUS, fit
from models.color_losses import to_grayscale, with_luma_of, without_luma
from models.networks.padding import padded_size, reflected
from util.errors import UserError, first_line
from util.files import replacing

OUTPUTS = ["colored", "painted"]
LIMIT = 2e-3  # largest difference from PyTorch that is taken for rounding, of values in 0..1


class Colorizer(nn.Module):
    """All that colorize.py does with an image's pixels, as one module that can be exported for images of any size."""

    def __init__(self, generator: nn.Module, scale: int):
        """Args: scale: the shorter side of what the generator sees, in pixels; 0 = the image at its own size."""
        super().__init__()
        self.generator, self.scale = generator, scale

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Color images by their luma.

        No size is compared with another by Python, because an export would keep the result of the comparison.

        Args:
            image: (N, 3, H, W) in 0..1, gray or in color.
        Returns:
            Images with the luma of `image` and the chroma that the generator paints, (N, 3, H, W) in 0..1; and the new
            image that it paints, (N, 3, h, w) in 0..1, where h and w are the size that it saw.
        """
        luma = to_grayscale(image)[:, :1]
        (height, width), view = image.shape[2:], luma
        if self.scale:
            view = _resize(luma, self._seen(height, width), "bicubic").clamp(0, 1)
        painted = (self._generate(view * 2 - 1) + 1) / 2
        chroma = without_luma(painted)
        if self.scale:
            slope, offset = fit(view, chroma, mean=_box_mean)
            seen = torch.full((), view.shape[2] * view.shape[3], device=image.device)
            is_enlarged = torch.full_like(seen, height * width) > seen
            slope, offset = torch.where(is_enlarged, slope, 0), torch.where(is_enlarged, offset, chroma)
            fitted = _resize(torch.cat([slope, offset], 1), (height, width), "bilinear")
            chroma = fitted[:, :3] * luma + fitted[:, 3:]
        return (with_luma_of(chroma * 2, luma.expand(-1, 3, -1, -1) * 2 - 1) + 1) / 2, painted

    def _seen(self, height: int, width: int) -> tuple[int, int]:
        """Return what `inference.look.seen_size` returns, height first."""
        divisor = torch.sym_max(MAX_RATIO * torch.sym_min(height, width), torch.sym_max(height, width))
        sides = ((2 * MAX_RATIO * self.scale * side + divisor) // (2 * divisor) for side in (height, width))
        seen_height, seen_width = (torch.sym_max(1, side) for side in sides)
        return seen_height, seen_width

    def _generate(self, gray: torch.Tensor) -> torch.Tensor:
        """Do what `apply_padded` does: (N, 1, h, w) in [-1, 1] -> (N, 3, h, w) in [-1, 1]."""
        height, width = gray.shape[2:]
        rows, columns = (reflected(side, self._padded(side), gray.device) for side in (height, width))
        images = self.generator(gray[..., rows, :][..., columns].expand(-1, 3, -1, -1))
        rows, columns = (torch.arange(side, device=gray.device) for side in (height, width))
        return images[..., rows, :][..., columns]

    def _padded(self, side: int) -> int:
        """Return `padded_size`, which to the trace of an export is a multiple of an unknown number.

        The formula of the size would be part of all sizes in the network, and such a file takes minutes to load.
        """
        multiple = self.generator.size_multiple
        count = torch.full((), padded_size(side, multiple) // multiple, dtype=torch.int64).item()
        torch._check(count >= -(-16 // multiple))
        torch._check(count <= 10_000)
        return count * multiple


def export(style: TorchStyle, scale: int, format: str, target: Path) -> float:
    """Write a style as a file. Return the largest difference of its images, in 0..1, from PyTorch's.

    Args:
        style: on the CPU.
        scale: see `Colorizer`.
        format: onnx, or torch for torch.export.
    Raises:
        UserError: if a package is missing, the network cannot be exported, or the file's images are not PyTorch's.
    """
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 11):
        raise UserError(f"export.py needs torch 2.11 or newer; this is {torch.__version__}")
    target.parent.mkdir(parents=True, exist_ok=True)
    colorizer = Colorizer(style.net.to(memory_format=torch.contiguous_format), scale).eval().requires_grad_(False)
    trained = style.treatment
    metadata = {"name": style.name, "scale": scale, "trained_scale": trained.scale,
                "gray_range": trained.gray_range, "gray_stretch": trained.gray_stretch}  # fmt: skip
    export_as, load = {"onnx": (_as_onnx, _load_onnx), "torch": (_as_torch, _load_torch)}[format]
    if format == "onnx":
        _check_packages()  # before the trace, which takes a while
    with torch.no_grad():
        content = export_as(_traced(colorizer), json.dumps(metadata))
        difference = _largest_difference(colorizer, load(content))
    if not difference <= LIMIT:
        raise UserError(f"the exported model differs by up to {difference:.2g} from PyTorch's; nothing was written")
    with replacing(target) as file:
        file.write(content)
    return difference


def _resize(images: torch.Tensor, size: tuple[int, int], mode: str) -> torch.Tensor:
    return F.interpolate(images, size, mode=mode, align_corners=False, antialias=True)


def _box_mean(images: torch.Tensor) -> torch.Tensor:
    """Return what `inference.upsampling.box_mean` returns."""
    return F.avg_pool2d(F.pad(images, (RADIUS,) * 4, mode="replicate"), 2 * RADIUS + 1, stride=1)


def _traced(colorizer: Colorizer) -> torch.export.ExportedProgram:
    example = torch.rand(2, 3, 50, 37)
    colorizer(example)  # constants that are kept from the first call on must not be those of the trace
    sizes = {0: Dim("batch", min=1, max=1024), 2: Dim("height", min=1, max=30_000), 3: Dim("width", min=1, max=30_000)}
    try:
        return torch.export.export(colorizer, (example,), dynamic_shapes={"image": sizes}, strict=False)
    except (torch._dynamo.exc.UserError, RuntimeError) as error:
        raise UserError(f"this network cannot be exported for images of any size ({first_line(error)})") from None


def _check_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed; scripts/install.sh monitor,export installs it") from None


def _as_onnx(program: torch.export.ExportedProgram, metadata: str) -> bytes:
    import onnx

    with _no_warnings():
        exported = torch.onnx.export(program, (), dynamo=True, verbose=False, input_names=["image"],
                                     output_names=OUTPUTS)  # fmt: skip
    model = exported.model_proto
    _name_sizes(model.graph)
    onnx.helper.set_model_props(model, {METADATA: metadata})
    return model.SerializeToString()


def _name_sizes(graph) -> None:
    """Call the sizes of input and outputs N, H and W; and h and w those of what the network paints."""
    names: dict[str, str] = {}
    for tensor in [*graph.input, *graph.output]:
        dimensions = tensor.type.tensor_type.shape.dim
        for dimension, image, other in zip(dimensions, "N HW", "N hw", strict=True):
            if dimension.dim_param:
                known = tensor is graph.input[0] or dimension.dim_param in names
                dimension.dim_param = names.setdefault(dimension.dim_param, image if known else other)


def _load_onnx(content: bytes) -> Callable[[torch.Tensor], list[torch.Tensor]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda image: [torch.from_numpy(output) for output in session.run(OUTPUTS, {"image": image.numpy()})]


def _as_torch(program: torch.export.ExportedProgram, metadata: str) -> bytes:
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={METADATA: metadata})
    return content.getvalue()


def _load_torch(content: bytes) -> Callable[[torch.Tensor], Sequence[torch.Tensor]]:
    with _no_warnings():
        return torch.export.load(io.BytesIO(content)).module()


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Hide warnings of torch that its users can do nothing about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _largest_difference(colorizer: Colorizer, exported: Callable[[torch.Tensor], Sequence[torch.Tensor]]) -> float:
    """Return the largest difference between both, on images of noise smaller and larger than the network's scale."""
    generator, side = torch.Generator().manual_seed(0), colorizer.scale or 96
    sizes = [(1, side, side), (2, side // 2 + 1, side - 3), (1, 2 * side + 1, side + 40), (1, 20, 3 * side), (1, 1, 7)]
    differences = []
    for count, height, width in sizes:
        image = torch.rand(count, 3, height, width, generator=generator)
        try:
            pairs = list(zip(colorizer(image), exported(image), strict=True))
        except Exception as error:  # of sizes that the trace has ruled out; onnxruntime's have no class in common
            raise UserError(f"this network cannot be exported for images of any size ({first_line(error)})") from None
        if any(expected.shape != got.shape for expected, got in pairs):
            raise UserError(f"the exported model gives an image of {height}x{width} another size; nothing was written")
        differences += [(expected - got).abs().max().item() for expected, got in pairs]
    return max(differences)
