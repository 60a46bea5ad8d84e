"""Exported styles: the same images as PyTorch's, in colorize.py, in Python without this project, and in a browser."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from inference import export as export_module
from inference.export import Colorizer
from inference.image_file import LUMA
from inference.look import Look, seen_size, view_of
from inference.onnx_style import OnnxStyle
from inference.torch_style import TorchStyle
from models.networks import define_G
from tests.helpers.browser import console_errors, wait_for
from tests.helpers.images import noise, read, save
from tests.helpers.launch import ROOT, error_of, output_of, start
from tests.inference.test_upsampling import frame_of
from util.errors import UserError

pytest.importorskip("onnxscript", reason="onnxscript is not installed; scripts/install.sh export installs it")
SCALE = 32  # of the tiny style
DEPLOY = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
# Runs a program as if torch were not installed.
WITHOUT_TORCH = """
import runpy, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """The folder of a small random style: tiny.pth and tiny.onnx. It is exported once for all processes."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "exported"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "tiny.onnx").exists():
            torch.manual_seed(0)
            net = define_G(3, 3, 4, "resnet_4blocks", norm="layer", context=True, init_gain=1)
            torch.save(net.state_dict(), folder / "tiny.pth")
            printed = output_of(f"export.py --checkpoint {folder / 'tiny.pth'} --scale {SCALE} "
                                f"-o {folder / 'tiny.onnx'}")  # fmt: skip
            difference = re.fullmatch(r".*tiny\.onnx: largest difference from PyTorch (\S+) of 255\n", printed)
            assert float(difference[1]) < 0.1
    return folder


def block_of_docs(language: str) -> str:
    """Return the first block of this language in docs/deploy.md."""
    return re.search(rf"^```{language}\n(.*?)^```", DEPLOY, re.MULTILINE | re.DOTALL)[1]


def graph(model: Path, images: np.ndarray) -> list[np.ndarray]:
    """Run a model on images (N, H, W, 3) of bytes; return its outputs as (N, H, W, 3) in 0..1."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs = session.run(["colored", "painted"], {"image": (images / np.float32(255)).transpose(0, 3, 1, 2)})
    return [output.transpose(0, 2, 3, 1) for output in outputs]


@pytest.mark.parametrize("flags", ["", f"--keep_luma false --scale {SCALE}", "--strength 0.5 --saturation 2"])
def test_colorize_py_gives_the_images_of_pytorch(tmp_path, tiny, flags):
    for number, (height, width) in enumerate([(20, 30), (32, 32), (90, 61), (1, 9), (40, 400)]):
        save(noise(height, width, seed=number), tmp_path / f"in/{number}.png")
    deep = np.random.default_rng(0).integers(0, 65536, (50, 40), dtype=np.uint16)
    save(Image.fromarray(deep), tmp_path / "in/deep.tif")
    for kind, scale in (("pth", SCALE), ("onnx", "")):
        style = f"--checkpoint {tiny / f'tiny.{kind}'} --gpu_ids -1 {scale and f'--scale {scale}'}"
        output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / kind} {style} {flags}")
    for expected in (tmp_path / "pth").iterdir():
        difference = read(expected).astype(int) - read(tmp_path / "onnx" / expected.name)
        assert np.abs(difference).max() <= 1, expected.name
    assert len(list((tmp_path / "onnx").iterdir())) == 6


def test_colorize_py_needs_no_torch_for_an_exported_style(tmp_path, tiny):
    for number in range(2):
        save(noise(40, 50, seed=number), tmp_path / f"in/{number}.png")
    command = ["-c", WITHOUT_TORCH, ROOT / "colorize.py", tmp_path / "in", "-o", tmp_path / "out"]
    with start([*command, "--checkpoint", tiny / "tiny.onnx"]) as process:
        stdout, stderr = process.communicate()
    assert stdout == "2 of 2 images colored\n", stderr
    output_of(f"colorize.py {tmp_path / 'in'} -o {tmp_path / 'with'} --checkpoint {tiny / 'tiny.onnx'} --gpu_ids -1")
    for number in range(2):
        assert np.array_equal(read(tmp_path / f"out/{number}.png"), read(tmp_path / f"with/{number}.png"))
    with start([*command, "--checkpoint", tiny / "tiny.pth"]) as process:
        assert "torch is not installed; without it" in process.communicate()[1]
    assert process.returncode == 1


def test_a_batch_of_any_size_is_its_images_one_by_one(tiny):
    images = np.stack([noise(45, 70, seed=number) for number in range(3)])
    together = graph(tiny / "tiny.onnx", images)
    for number in range(3):
        for whole, alone in zip(together, graph(tiny / "tiny.onnx", images[number : number + 1]), strict=True):
            assert np.abs(whole[number] - alone[0]).max() < 1e-5


@pytest.mark.parametrize("size", [(20, 30), (32, 40), (70, 95), (33, 300)])
def test_module_colors_as_colorize_py_does(tiny, size):
    """They scale with other libraries, with small differences."""
    style, look = TorchStyle(tiny / "tiny.pth", "tiny", "-1"), Look(SCALE)
    smooth = np.asarray(Image.fromarray(noise(8, 9)).resize(size[::-1], Image.BICUBIC))
    frame = frame_of(smooth)
    view = view_of(frame, SCALE)
    painted = style.paint(view)
    expected = look.apply(frame, look.prepare(frame.size, view, painted)).numpy().astype(float)
    with torch.no_grad():
        outputs = Colorizer(style.net, SCALE)(torch.from_numpy(smooth.copy()).permute(2, 0, 1)[None] / 255)
    colored, new = (output[0].permute(1, 2, 0).numpy() * 255 for output in outputs)
    assert new.shape[:2] == painted.shape[2:] == seen_size(size[::-1], SCALE)[::-1]
    difference = np.abs(colored - expected)  # 0.5 is that of rounding
    assert difference.max() < (0.6 if min(size) == SCALE else 8) and difference.mean() < 0.6
    assert np.abs((colored - smooth) @ np.array(LUMA)).max() < 0.1


@pytest.mark.parametrize("scale", [1, 32, 143, 1000])
def test_module_sees_images_at_the_size_that_colorize_py_gives(scale):
    module = Colorizer(torch.nn.Identity(), scale)
    for height, width in np.random.default_rng(0).integers(1, 3000, (300, 2)).tolist():
        assert module._seen(height, width) == seen_size((width, height), scale)[::-1]


def test_sizes_in_the_file_have_names(tiny):
    import onnxruntime

    session = onnxruntime.InferenceSession(tiny / "tiny.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == session.get_outputs()[0].shape == ["N", 3, "H", "W"]
    assert session.get_outputs()[1].shape == ["N", 3, "h", "w"]


def test_too_little_memory_gets_one_line(tmp_path, tiny, monkeypatch):
    style = OnnxStyle(tiny / "tiny.onnx", "-1")
    monkeypatch.setattr(style, "session", None)
    with pytest.raises(UserError, match="cannot run the network on 40x30 pixels"):
        style.paint(np.zeros((1, 1, 30, 40), np.float32))


def test_other_scales_and_other_files_are_refused(tmp_path, tiny):
    image = save(noise(4, 4), tmp_path / "a.png")
    assert "exported for --scale 32; export.py --scale 0" in error_of(
        f"colorize.py {image} --checkpoint {tiny / 'tiny.onnx'} --scale 64", 2
    )
    assert "--keep_luma false at the image's own size: " in error_of(
        f"colorize.py {image} --checkpoint {tiny / 'tiny.onnx'} --keep_luma false", 2
    )
    assert "--gpu_ids x: expected auto" in error_of(
        f"colorize.py {image} --checkpoint {tiny / 'tiny.onnx'} --gpu_ids x", 2
    )
    assert "--epoch is for a run" in error_of(f"colorize.py {image} --checkpoint {tiny / 'tiny.onnx'} --epoch 5", 2)
    assert "is for torch.export.load" in error_of(f"colorize.py {image} --checkpoint a.pt2", 2)
    assert "no file" in error_of(f"colorize.py {image} --checkpoint {tmp_path / 'none.onnx'}")
    (tmp_path / "text.onnx").write_text("no model")
    assert "text.onnx is not a model that onnxruntime reads" in error_of(
        f"colorize.py {image} --checkpoint {tmp_path / 'text.onnx'}"
    )
    import onnx

    model = onnx.load(tiny / "tiny.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    assert "was not written by this version of export.py" in error_of(
        f"colorize.py {image} --checkpoint {tmp_path / 'other.onnx'}"
    )


def test_program_of_torch_export_runs_without_the_project(tmp_path):
    net = define_G(3, 3, 4, "resnet_4blocks", init_gain=1)
    torch.save(net.state_dict(), tmp_path / "cut.pth")
    output_of(f"export.py --checkpoint {tmp_path / 'cut.pth'} --scale 0 --format torch -o {tmp_path / 'vangogh.pt2'}")
    code = ("import sys, torch; m = torch.export.load('vangogh.pt2').module(); x = torch.load('x.pt'); "
            "assert 'inference' not in sys.modules; torch.save(m(x), 'y.pt')")  # fmt: skip
    image = torch.rand(3, 3, 50, 70)
    torch.save(image, tmp_path / "x.pt")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    with torch.no_grad():
        expected = Colorizer(net.eval(), 0)(image)
    for got, wanted in zip(torch.load(tmp_path / "y.pt"), expected, strict=True):
        assert (got - wanted).abs().max() < 1e-5


def test_a_file_that_differs_from_pytorch_is_not_written(tmp_path, monkeypatch):
    torch.save(define_G(3, 3, 4, "resnet_4blocks").state_dict(), tmp_path / "cut.pth")
    style = TorchStyle(tmp_path / "cut.pth", "cut", "-1")
    module = Colorizer(style.net, 16)
    monkeypatch.setattr(export_module, "_traced", lambda colorizer: None)
    monkeypatch.setattr(export_module, "_as_torch", lambda program, metadata: b"content")
    command = f"export.py --checkpoint {tmp_path / 'cut.pth'} --scale 16 --format torch -o {tmp_path / 'out.pt2'}"
    for change, says in ((lambda x: x + 0.01, "differs by up to 0.01"), (lambda x: x[..., 1:], "another size")):
        wrong = partial(lambda change, image: [change(output) for output in module(image)], change)
        monkeypatch.setattr(export_module, "_load_torch", lambda content, wrong=wrong: wrong)
        assert says in error_of(command) and not (tmp_path / "out.pt2").exists()
    monkeypatch.setattr(export_module, "_load_torch", lambda content: module)
    assert "largest difference from PyTorch" in output_of(command)
    assert (tmp_path / "out.pt2").read_bytes() == b"content"


def test_missing_packages_and_wrong_flags_get_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "_traced", lambda colorizer: None)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert "onnxscript is not installed" in error_of(f"export.py -o {tmp_path / 'a.onnx'}")
    assert "--scale 3: expected 0, or 16 to 2000" in error_of("export.py --scale 3", 2)
    for output in (tmp_path, "a.pt2", "''"):
        assert "expected a file ending in .onnx for --format onnx" in error_of(f"export.py -o {output}", 2)
    assert "expected a generator's .pth" in error_of("export.py --checkpoint a.onnx", 2)
    assert "give one of them" in error_of("export.py --name a --checkpoint b.pth", 2)
    assert "checkpoints/none" in error_of("export.py --name none")


def test_python_of_the_docs(tmp_path, tiny):
    shutil.copy(tiny / "tiny.onnx", tmp_path / "vangogh.onnx")
    photo = save(noise(60, 45), tmp_path / "photo.jpg")
    subprocess.run([sys.executable, "-c", block_of_docs("python")], cwd=tmp_path, check=True)
    expected = np.rint(graph(tiny / "tiny.onnx", read(photo)[None])[0][0] * 255)
    assert np.array_equal(read(tmp_path / "colored.png"), expected)


def test_page_of_the_docs_in_a_browser(tmp_path, tiny, browser):
    site, version = tmp_path / "site", re.search(r"npm install (onnxruntime-web@\S+)", DEPLOY)[1]
    site.mkdir()
    npm = shutil.which("npm") or pytest.skip("npm is not installed; scripts/install_browser.sh installs it")
    packed = subprocess.run([npm, "pack", "--fetch-retries=1", version], cwd=tmp_path, capture_output=True, text=True)
    if packed.returncode and re.search("ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH", packed.stderr):
        pytest.skip("npm does not reach its registry")
    assert packed.returncode == 0, packed.stderr
    with tarfile.open(tmp_path / packed.stdout.split()[-1]) as package:
        for name in re.search(r"dist/\{(.*?)\}", DEPLOY)[1].split(","):
            (site / name).write_bytes(package.extractfile(f"package/dist/{name}").read())
    shutil.copy(tiny / "tiny.onnx", site / "vangogh.onnx")
    (site / "index.html").write_text(block_of_docs("html"), encoding="utf-8")
    photo = save(noise(60, 45), tmp_path / "photo.png")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.get(f"http://127.0.0.1:{server.server_port}")
        browser.find_element("css selector", "input").send_keys(str(photo))
        note = browser.find_element("css selector", "p")
        wait_for(lambda: note.text not in ("", "Coloring ..."))
        address = browser.execute_script("return document.querySelector('canvas').toDataURL()")
        server.shutdown()
    assert note.text == "Done" and [line for line in console_errors(browser) if "favicon" not in line] == []
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as file:
        shown = np.asarray(file.convert("RGB"))
    assert np.abs(shown - graph(tiny / "tiny.onnx", read(photo)[None])[0][0] * 255).max() <= 1


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""
