"""A page that colors images with your trained styles: python app.py, then open the address that it prints."""

import util.interrupt  # noqa: F401 - first: the imports below take seconds

# isort: split
import os
import signal
import socket
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from inference.image_file import FORMATS, Frame, open_frames, pixel_count, write
from inference.jobs import Job
from inference.look import Look
from inference.pipeline import color_all
from inference.resize import resize
from inference.style import SHIPPED, Style, generator_of, load_style
from options import app_options
from util.errors import UsageError, UserError, run

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # must be there before the import: the page reports to nobody
try:
    import gradio as gr
except ModuleNotFoundError:
    gr = None

PREVIEW_SIDE = 1600  # pixels, of the images on the page; the download has them all
NEW_IMAGE_SHARE = 0.1  # of the limit on pixels: painting a new image takes far more memory than painting chroma
BYTES_PER_PIXEL = 8  # largest size of an uploaded file


def main() -> None:
    """Serve the page until Ctrl-C."""
    opt = app_options.parse()
    if gr is None:
        raise UserError("gradio is not installed; scripts/install.sh monitor,app installs it")
    check_address(opt.host, opt.port)
    load(generator_of(SHIPPED) or SHIPPED, opt.gpu_ids)  # so that the first image does not wait for torch
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="colorcut_") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        page = build(opt)
        page.queue(max_size=opt.max_waiting, default_concurrency_limit=1, api_open=False)
        try:
            page.launch(server_name=opt.host, server_port=opt.port, share=False, quiet=True, prevent_thread_lock=True,
                        max_file_size=BYTES_PER_PIXEL * opt.max_megapixels * 10**6, enable_monitoring=False,
                        footer_links=[], run_history=False,
                        theme=gr.themes.Default(font="system-ui", font_mono="monospace"))  # fmt: skip
            print(f"http://{opt.host}:{opt.port}   Ctrl-C ends it", flush=True)
            page.block_thread()
        finally:
            page.close(verbose=False)


def check_address(host: str, port: int) -> None:
    """Raise a UserError if the page cannot be served there."""
    if ":" in host:
        raise UsageError(f"--host {host}: expected a name or an IPv4 address")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror}") from None


def build(opt: Namespace) -> "gr.Blocks":
    """Return the page."""
    with gr.Blocks(title="ColorCUT", delete_cache=(3600, 3600)) as page:
        gr.Markdown("# ColorCUT\nDrop an image, gray or in color. It gets the colors of a style.")
        with gr.Row():
            with gr.Column(scale=1):
                upload = gr.File(label="Image", file_types=["image"], height=140)
                style = gr.Dropdown(list(find_styles(opt.checkpoints_dir)), label="Style")
                strength = gr.Slider(0, 1, 1, label="Strength")
                saturation = gr.Slider(0, 3, 1, label="Saturation")
                keep_luma = gr.Checkbox(True, label="Keep the luma of the image", info="Off: the new image that the "
                                        "network paints, for styles trained without --keep_luma.")  # fmt: skip
                download = gr.DownloadButton("Download at full size", interactive=False, elem_id="download")
            with gr.Column(scale=2):
                slider = gr.ImageSlider(
                    label="Before and after", type="filepath", buttons=["fullscreen"], max_height=800
                )
        changes = [upload.upload, style.input, strength.release, saturation.release, keep_luma.input]
        inputs, hidden = [upload, style, strength, saturation, keep_luma], {"api_visibility": "private"}
        coloring = gr.on(changes, partial(color, opt), inputs, [slider, download], trigger_mode="always_last", **hidden)
        upload.clear(nothing, None, [slider, download], cancels=coloring, **hidden)
        # A run that was saved since is found when the page is opened again.
        page.load(lambda: gr.Dropdown(list(find_styles(opt.checkpoints_dir))), None, style, **hidden)
    return page


def find_styles(checkpoints_dir: Path) -> dict[str, Path]:
    """Return the generator of each style of the project and of each trained run, by its name on the page."""
    shipped = {f"{folder.name} (comes with ColorCUT)": folder for folder in sorted(SHIPPED.parent.iterdir())}
    runs = sorted(checkpoints_dir.iterdir()) if checkpoints_dir.is_dir() else []
    generators = {name: generator_of(folder) for name, folder in [*shipped.items(), *((run.name, run) for run in runs)]}
    return {name: file for name, file in generators.items() if file}


def color(
    opt: Namespace, upload: str | None, style_name: str, strength: float, saturation: float, keep_luma: bool
) -> Iterator[tuple]:
    """Color an uploaded file. Yield what the slider shows and the button that downloads the result.

    Raises:
        gr.Error: with a message for the user.
    """
    if upload is None:
        yield nothing()
        return
    source = Path(upload)
    # The page has its own copies of the files when the generator goes on.
    with tempfile.TemporaryDirectory() as folder:
        try:
            generator = find_styles(opt.checkpoints_dir).get(style_name)
            if generator is None:
                raise UserError(f"The style {style_name} is no longer there; open the page again.")
            style = load(generator, opt.gpu_ids)
            check_size(source, opt.max_megapixels * (1 if keep_luma else NEW_IMAGE_SHARE))
            look = Look.of(style.treatment, keep_luma=keep_luma, strength=strength, saturation=saturation)
            frames = look.frames_of(source)
            suffix = "png" if len(frames) == 1 else "webp" if frames[0].duration else "tif"
            target = Path(folder) / f"{source.stem}_{style.name}.{suffix}"
            for error in color_all([Job(source, target, FORMATS[f".{suffix}"])], style, look, batch_size=1, threads=1):
                if error:
                    raise error
            before, after = (preview(read, Path(folder) / f"{name}.jpg") for name, read in
                             (("before", frames), ("after", open_frames(target))))  # fmt: skip
        except UserError as error:
            yield nothing()
            message = str(error).replace(f"{source.parent}/", "").replace(f"{folder}/", "")
            raise gr.Error(message, print_exception=False) from None
        yield (before, after), gr.DownloadButton(value=target, interactive=True)


def nothing() -> tuple:
    """Return an empty slider and a button that does nothing."""
    return None, gr.DownloadButton(interactive=False)


def load(generator: Path, gpu_ids: str) -> Style:
    """Load a style. Those used last are kept; one that was saved again, at another time, is loaded anew."""
    return _load(generator, gpu_ids, generator.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(generator: Path, gpu_ids: str, saved_at: int) -> Style:
    return load_style(checkpoint=generator, gpu_ids=gpu_ids)


def check_size(source: Path, max_megapixels: float) -> None:
    """Raise a UserError for a file that has more pixels, in all frames together."""
    megapixels = pixel_count(source) / 1e6
    if megapixels > max_megapixels:
        raise UserError(
            f"The image has {megapixels:.3g} megapixels; with these settings the page takes {max_megapixels:g}. "
            "colorize.py takes larger ones."
        )


def preview(frames: Sequence[Frame], path: Path) -> Path:
    """Write the first frame in a size for the page; return the path."""
    width, height = frames[0].size
    factor = min(1, PREVIEW_SIDE / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    image = resize(frames[0].color.cast("float") * (255 / frames[0].white), *size, "cubic").rint().cast("uchar")
    write([image.copy(interpretation="b-w" if image.bands == 1 else "srgb")], [0], path, "jpeg", 90)
    return path


if __name__ == "__main__":
    run(main)
